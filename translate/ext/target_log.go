package ext

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// logLevels are the names of syslog(3).
var logLevels = map[string]uint64{"EMERG": 0, "PANIC": 0, "ALERT": 1, "CRIT": 2, "ERROR": 3, "ERR": 3, "WARNING": 4, "WARN": 4, "NOTICE": 5, "INFO": 6,
	"DEBUG": 7}

// warning is the level of a rule that names none, and which iptables-save therefore does not print.
const warning = 4

// logLevelKind is a number or a name. Value: uint64.
var logLevelKind iptables.Kind = vacuousNumber{iptables.NewKind(
	func(w string, _ iptables.Family) (uint64, error) {
		if v, ok := logLevels[strings.ToUpper(w)]; ok {
			return v, nil
		}
		v, err := iptables.ParseUint(w, 0, 7)
		if err != nil {
			return 0, fmt.Errorf("%s is neither a log level from 0 to 7 nor the name of one", iptables.Quote(w))
		}
		return v, nil
	},
	func(v uint64) string { return strconv.FormatUint(v, 10) }), warning}

// logFlags are the bits that options set (NF_LOG_* in linux/netfilter/nf_log.h).
var logFlags = map[string]uint32{"--log-tcp-sequence": 1, "--log-tcp-options": 2, "--log-ip-options": 4, "--log-uid": 8, "--log-macdecode": 32}

// xt_LOG.c. 29 bytes is struct xt_log_info's prefix less the NUL.
var _ = registerTarget(&Target{
	Extension: iptables.Extension{
		Name: "LOG",
		Options: []*iptables.OptionSpec{
			{Name: "--log-prefix", Kind: logPrefix(29)},
			{Name: "--log-level", Kind: logLevelKind},
			{Name: "--log-tcp-sequence", Kind: iptables.Flag},
			{Name: "--log-tcp-options", Kind: iptables.Flag},
			{Name: "--log-ip-options", Kind: iptables.Flag},
			{Name: "--log-uid", Kind: iptables.Flag},
			{Name: "--log-macdecode", Kind: iptables.Flag},
		},
		Listing: listLog,
		Unlisted: func(args []string) string {
			if i := slices.Index(args, "--log-prefix"); i >= 0 && strings.Contains(args[i+1], `"`) {
				return "where a prefix with quotes in it ends"
			}
			return ""
		},
	},
	Lower: func(c *Context, t *iptables.Target) Action {
		level, flags := uint32(warning), uint32(0)
		log := &bytecode.Log{Level: &level, Flags: &flags}
		for _, o := range t.Options {
			switch o.Spec.Name {
			case "--log-prefix":
				log.Prefix = o.Value.(string)
			case "--log-level":
				level = uint32(o.Value.(uint64))
			default:
				flags |= logFlags[o.Spec.Name]
			}
		}
		return stmts(&nft.Plain{Op: log})
	},
	Meaning: func(c *Context, t *iptables.Target) []packet.Step {
		prefix, level, flags := "", uint32(warning), uint32(0)
		for _, o := range t.Options {
			switch o.Spec.Name {
			case "--log-prefix":
				prefix = o.Value.(string)
			case "--log-level":
				level = uint32(o.Value.(uint64))
			default:
				flags |= logFlags[o.Spec.Name]
			}
		}
		return do(packet.Logged(prefix, level, flags))
	},
})

// logPrefix is text that iptables cuts to what the kernel's structure takes, max bytes. It is not empty. Value: string.
func logPrefix(max int) iptables.Kind {
	return iptables.NewKind(
		func(w string, _ iptables.Family) (string, error) {
			if w == "" {
				return "", errors.New("is empty")
			}
			return w[:min(len(w), max)], nil
		}, iptables.Quote)
}

var logListing = listed("LOG", "flags * level *", "--flags $1 --log-level $2", "level *", "--log-level",
	"tcp-sequence", "--log-tcp-sequence", "tcp-options", "--log-tcp-options", "ip-options", "--log-ip-options", "uid", "--log-uid",
	"macdecode", "--log-macdecode", `prefix "*"`, "--log-prefix")

// listLog reads "LOG flags 8 level 4 prefix "text"" too: with -n iptables prints the flags as a number.
func listLog(words []string) ([]string, int) {
	args, taken := logListing(words)
	if len(args) < 2 || args[0] != "--flags" {
		return args, taken
	}
	flags, err := strconv.ParseUint(args[1], 10, 8)
	if err != nil {
		return nil, 0
	}
	args = args[2:]
	for option, bit := range logFlags {
		if flags&uint64(bit) != 0 {
			args = append(args, option)
		}
	}
	return args, taken
}
