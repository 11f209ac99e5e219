package nft

import "strconv"

// byteUnit splits a number of bytes into a number and nft's largest unit that divides it.
func byteUnit(n uint64) (uint64, string) {
	unit := "bytes"
	if n == 0 {
		return n, unit
	}
	for _, next := range []string{"kbytes", "mbytes"} {
		if n%1024 != 0 {
			break
		}
		n, unit = n/1024, next
	}
	return n, unit
}

func byteText(n uint64) string {
	n, unit := byteUnit(n)
	return strconv.FormatUint(n, 10) + " " + unit
}

// timeUnit is nft's word for a number of seconds that a rate is counted over.
func timeUnit(seconds uint64) string {
	name := map[uint64]string{1: "second", 60: "minute", 3600: "hour", 86400: "day", 604800: "week"}[seconds]
	if name == "" {
		return "error"
	}
	return name
}

// logLevel is nft's word for a syslog level; 8 is NFT_LOGLEVEL_AUDIT.
func logLevel(level uint32) string {
	names := []string{"emerg", "alert", "crit", "err", "warn", "notice", "info", "debug", "audit"}
	if int(level) < len(names) {
		return names[level]
	}
	return "unknown"
}

// The level that nft does not print: LOG_WARNING, which the kernel takes when none is given.
const logWarning = 4

// logFlags are the flags of a log statement in JSON's words (NF_LOG_*).
var logFlags = []struct {
	bit  uint32
	name string
}{{1, "tcp sequence"}, {2, "tcp options"}, {4, "ip options"}, {8, "skuid"}, {32, "ether"}}

// logAll is NF_LOG_MASK.
const logAll = 0x2f

// Flags of [bytecode.Synproxy] (NF_SYNPROXY_OPT_*).
const (
	synproxyMSS       = 0x01
	synproxyWscale    = 0x02
	synproxySack      = 0x04
	synproxyTimestamp = 0x08
)
