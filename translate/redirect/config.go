package redirect

import (
	"time"

	"rechain/translate/iptables"
)

// Config is a redirect configuration as it was said. Text is checked by [Config.Resolve], not before, so that one run can name
// all that is wrong. Lists keep their order, which is that of the rules; entries are trimmed and empty ones skipped, because Istio's
// own injector writes lists such as "15090,15021,".
//
// A port is decimal, 1 to 65535. A port list also takes ranges, "8000:9000" or "8000-9000". A CIDR list mixes IPv4 and IPv6; an
// address without a length is that one address. A list that takes "*" for everything takes nothing beside it.
//
// The zero value is not useful: start from [Default]. A Config must not be copied after it was first set from a source.
type Config struct {
	// ProxyPort is where the proxy takes outbound TCP. Default "15001". --envoy-port, -p; no variable.
	ProxyPort string
	// InboundCapturePort is where the proxy takes inbound TCP. Default "15006". --inbound-capture-port, -z,
	// $INBOUND_CAPTURE_PORT.
	InboundCapturePort string
	// InboundTunnelPort is the port of tunnelled traffic (HBONE), which is never redirected. Default "15008".
	// --inbound-tunnel-port, -e, $INBOUND_TUNNEL_PORT.
	InboundTunnelPort string

	// ProxyUID lists the user ids that are the proxy. Default: the id of EnvoyUser, or 1337 when there is no such user.
	// --proxy-uid, -u, $PROXY_UID.
	ProxyUID []string
	// ProxyGID lists the group ids that are the proxy. Default: the numbers of ProxyUID. --proxy-gid, -g, $PROXY_GID.
	ProxyGID []string
	// EnvoyUser is the user whose id is the default of ProxyUID. Default "istio-proxy". --envoy-user (istio-iptables has no such
	// flag), $ENVOY_USER.
	EnvoyUser string

	// InboundMode is REDIRECT or TPROXY, for inbound traffic; outbound is always REDIRECT. Default "", which is REDIRECT.
	// --istio-inbound-interception-mode, -m, $ISTIO_INBOUND_INTERCEPTION_MODE.
	InboundMode string
	// TProxyMark is the firewall mark of intercepted inbound packets: 1 to 4294967295, decimal or hexadecimal (0x…). Default
	// "1337". --istio-inbound-tproxy-mark, -t, $ISTIO_INBOUND_TPROXY_MARK.
	TProxyMark string
	// TProxyRouteTable is the number of the routing table for marked packets. Default "133". --istio-inbound-tproxy-route-table,
	// -r, $ISTIO_INBOUND_TPROXY_ROUTE_TABLE.
	TProxyRouteTable string

	// InboundPorts lists the ports to capture inbound, or "*". Default: none, which captures nothing inbound.
	// --istio-inbound-ports, -b, $ISTIO_INBOUND_PORTS.
	InboundPorts []string
	// InboundPortsExclude lists ports not to capture when InboundPorts is "*"; else it has no effect. Default: none.
	// --istio-local-exclude-ports, -d, $ISTIO_LOCAL_EXCLUDE_PORTS.
	InboundPortsExclude []string

	// OutboundCIDRs lists the destinations to capture outbound, or "*". Default: none. --istio-service-cidr, -i,
	// $ISTIO_SERVICE_CIDR.
	OutboundCIDRs []string
	// OutboundCIDRsExclude lists destinations not to capture. Default: none. --istio-service-exclude-cidr, -x,
	// $ISTIO_SERVICE_EXCLUDE_CIDR.
	OutboundCIDRsExclude []string
	// OutboundPorts lists ports that are captured outbound whatever the destination, in addition to OutboundCIDRs. Default: none.
	// --istio-outbound-ports, -q, $ISTIO_OUTBOUND_PORTS.
	OutboundPorts []string
	// OutboundPortsExclude lists ports not to capture outbound, TCP and UDP. It comes before everything else. Default: none.
	// --istio-local-outbound-ports-exclude, -o, $ISTIO_LOCAL_OUTBOUND_PORTS_EXCLUDE.
	OutboundPortsExclude []string
	// OwnerGroups lists the groups, by name or number, whose outbound traffic is captured, at most 64, or "*". An empty list
	// captures nobody's. Default "*". --outbound-owner-groups, $ISTIO_OUTBOUND_OWNER_GROUPS.
	OwnerGroups []string
	// OwnerGroupsExclude lists groups whose outbound traffic is not captured when OwnerGroups is "*"; else it has no effect.
	// Default: none. --outbound-owner-groups-exclude, $ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE.
	OwnerGroupsExclude []string

	// ExcludeInterfaces lists interfaces whose traffic is not captured. A name that ends in "+" stands for all that start so.
	// Default: none. --istio-exclude-interfaces, -c, $ISTIO_EXCLUDE_INTERFACES.
	ExcludeInterfaces []string
	// VirtualInterfaces lists interfaces (of virtual machines, of nested containers) on which what comes in is treated as
	// outbound. Default: none. --kube-virt-interfaces, -k, $KUBE_VIRT_INTERFACES.
	VirtualInterfaces []string
	// LoopbackCIDR is what counts as localhost in IPv4: a prefix of 8 to 32 bits inside 127.0.0.0/8. Default "127.0.0.1/32". In
	// IPv6 it is always ::1/128. --loopback-cidr, $ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR.
	LoopbackCIDR string

	// RedirectDNS captures DNS, UDP and TCP, to port 15053 of this host. Default false. --redirect-dns, $REDIRECT_DNS,
	// $ISTIO_META_DNS_CAPTURE.
	RedirectDNS bool
	// CaptureAllDNS captures all of port 53, not only what goes to DNSServers. Default false. --capture-all-dns,
	// $CAPTURE_ALL_DNS.
	CaptureAllDNS bool
	// DNSServers lists the addresses of the name servers to capture. Default: those in resolv.conf. --dns-server, which may be
	// repeated.
	DNSServers []string
	// DropInvalid drops packets that connection tracking calls INVALID. Default false. --drop-invalid, $DROP_INVALID,
	// $INVALID_DROP.
	DropInvalid bool

	// IPv6 says whether IPv6 is captured: "on", "off", or "auto", which looks at the host's addresses (see [DetectIPv6]).
	// Default "auto". --ipv6.
	IPv6 string
	// DualStack makes "auto" say yes when there is any IPv6 address, not only when the first address is one. Default false.
	// --dual-stack, $DUAL_STACK, $ISTIO_DUAL_STACK.
	DualStack bool

	// TablePrefix is what the names of the nft tables start with. Default "rechain". --table-prefix.
	TablePrefix string
	// File is the configuration file. Default: none. --config.
	File string
	// NetworkNamespace is the network namespace to work in: a name, a path or a process id. Default "", the present one.
	// --network-namespace, $NETWORK_NAMESPACE.
	NetworkNamespace string

	// DryRun makes apply do what plan does. Default false. --dry-run, -n, $DRY_RUN.
	DryRun bool
	// SkipRuleApply makes apply program nothing, neither rules nor routes; RunValidation still has its effect. Default false.
	// --skip-rule-apply, $SKIP_RULE_APPLY.
	SkipRuleApply bool
	// RunValidation probes what is there after apply; when the probe fails, the exit code is 126 ([ExitInvalid]). Default false.
	// --run-validation, $RUN_VALIDATION.
	RunValidation bool
	// ProbePort is the port that the probe connects to. Default "15002". --iptables-probe-port, $IPTABLES_PROBE_PORT.
	ProbePort string
	// ProbeTimeout is how long the probe waits. Default 5s. --probe-timeout, $PROBE_TIMEOUT.
	ProbeTimeout time.Duration
	// CleanupOnly makes apply do what remove does. Default false. --cleanup-only, $CLEANUP_ONLY.
	CleanupOnly bool

	// Reconcile has no effect: apply always takes what is there to what is wanted. --reconcile, $RECONCILE.
	Reconcile bool
	// ForceApply has no effect: apply compares what the kernel really runs, so there is nothing to override. --force-apply,
	// $FORCE_APPLY.
	ForceApply bool
	// NativeNftables has no effect: there is nothing else. --native-nftables, $NATIVE_NFTABLES.
	NativeNftables bool
	// CNIMode has no effect: no program runs, so there is no file system and no lock to keep it away from. --cni-mode, $CNI_MODE.
	CNIMode bool
	// ForceIptablesBinary has no effect, but must be "", "legacy" or "nft". --force-iptables-binary, $FORCE_IPTABLES_BINARY.
	ForceIptablesBinary string

	sources map[string]source // by option name; none: the default, or set by the program
}

// Default returns the configuration of istio-iptables without any flag or variable. It captures nothing until told what.
func Default() Config {
	return Config{
		ProxyPort:          "15001",
		InboundCapturePort: "15006",
		InboundTunnelPort:  "15008",
		EnvoyUser:          "istio-proxy",
		TProxyMark:         "1337",
		TProxyRouteTable:   "133",
		OwnerGroups:        []string{"*"},
		LoopbackCIDR:       "127.0.0.1/32",
		IPv6:               "auto",
		TablePrefix:        "rechain",
		ProbePort:          "15002",
		ProbeTimeout:       5 * time.Second,
	}
}

// ExitInvalid is the exit code of a failed validation. Istio's CNI repair controller looks for it (ValidationErrorCode in
// tools/istio-iptables/pkg/constants).
const ExitInvalid = 126

// rank orders the kinds of sources: what a higher one says, a lower one cannot change.
type rank int

const (
	fromFile rank = iota + 1
	fromEnvironment
	fromFlag
)

// source is where an option's value came from.
type source struct {
	rank  rank
	pos   iptables.Pos
	items []iptables.Pos // of the entries, when the source has a place for each
}

// claim makes src the source of an option, or returns false when a higher one has spoken.
func (c *Config) claim(o *option, src source) bool {
	if c.sources[o.name].rank > src.rank {
		return false
	}
	if c.sources == nil {
		c.sources = map[string]source{}
	}
	c.sources[o.name] = src
	return true
}

// problem is something wrong with an option, at the place its value came from; item is the number of the entry, or -1. A place in
// a file does not say which option stands there, so the problem does.
func (c *Config) problem(name string, item int, msg, hint string) *iptables.Problem {
	src, said := c.sources[name]
	p := &iptables.Problem{Pos: src.pos, Msg: msg, Hint: hint}
	switch {
	case !said:
		p.Pos = iptables.AtKey("--" + name)
	case src.rank == fromFile:
		p.Ext = name
	}
	if item >= 0 && item < len(src.items) {
		p.Pos = src.items[item]
	}
	return p
}
