package redirect

import "strings"

// option is one row of the table of options, from which flags, variables and file keys come.
type option struct {
	name  string   // the long flag, and the key in a file
	short string   // the short flag
	env   []string // the variables; where several are set, the last one counts
	arg   string   // what a value is, for the help text
	usage string
	field func(*Config) any // *string, *[]string, *bool or *time.Duration
	// wildcard says that "*" in the list stands for everything.
	wildcard bool
	// adds says that a flag given again adds to the list; else the last one counts.
	adds bool
	// noFile says that the option makes no sense as a key of a file.
	noFile bool
}

// derived is the variable that Istio derives from a flag: foo-bar is FOO_BAR (pkg/flag/flag.go, BindEnv).
func derived(name string, more ...string) []string {
	return append([]string{strings.ToUpper(strings.ReplaceAll(name, "-", "_"))}, more...)
}

// options are all options, in the order of the help text. Names, short flags and variables down to cleanup-only are Istio's.
var options = []*option{
	{name: "envoy-port", short: "p", arg: "port",
		usage: "port on which the proxy takes outbound TCP",
		field: func(c *Config) any { return &c.ProxyPort }},
	{name: "inbound-capture-port", short: "z", env: derived("inbound-capture-port"), arg: "port",
		usage: "port on which the proxy takes inbound TCP",
		field: func(c *Config) any { return &c.InboundCapturePort }},
	{name: "inbound-tunnel-port", short: "e", env: derived("inbound-tunnel-port"), arg: "port",
		usage: "port of tunnelled traffic, never redirected",
		field: func(c *Config) any { return &c.InboundTunnelPort }},
	{name: "proxy-uid", short: "u", env: derived("proxy-uid"), arg: "ids",
		usage: "user ids that are the proxy (default: the id of --envoy-user, else 1337)",
		field: func(c *Config) any { return &c.ProxyUID }},
	{name: "proxy-gid", short: "g", env: derived("proxy-gid"), arg: "ids",
		usage: "group ids that are the proxy (default: the numbers of --proxy-uid)",
		field: func(c *Config) any { return &c.ProxyGID }},
	{name: "envoy-user", env: derived("envoy-user"), arg: "name",
		usage: "user whose id is the default of --proxy-uid",
		field: func(c *Config) any { return &c.EnvoyUser }},
	{name: "istio-inbound-interception-mode", short: "m", env: derived("istio-inbound-interception-mode"), arg: "mode",
		usage: "how inbound traffic is captured, REDIRECT or TPROXY (default REDIRECT)",
		field: func(c *Config) any { return &c.InboundMode }},
	{name: "istio-inbound-tproxy-mark", short: "t", env: derived("istio-inbound-tproxy-mark"), arg: "mark",
		usage: "TPROXY: firewall mark of captured packets",
		field: func(c *Config) any { return &c.TProxyMark }},
	{name: "istio-inbound-tproxy-route-table", short: "r", env: derived("istio-inbound-tproxy-route-table"), arg: "number",
		usage: "TPROXY: routing table for marked packets",
		field: func(c *Config) any { return &c.TProxyRouteTable }},
	{name: "istio-inbound-ports", short: "b", env: derived("istio-inbound-ports"), arg: "ports", wildcard: true,
		usage: `inbound ports to capture, "*" for all; none captures nothing inbound`,
		field: func(c *Config) any { return &c.InboundPorts }},
	{name: "istio-local-exclude-ports", short: "d", env: derived("istio-local-exclude-ports"), arg: "ports",
		usage: `inbound ports not to capture, with --istio-inbound-ports "*"`,
		field: func(c *Config) any { return &c.InboundPortsExclude }},
	{name: "istio-service-cidr", short: "i", env: derived("istio-service-cidr"), arg: "cidrs", wildcard: true,
		usage: `outbound destinations to capture, "*" for all`,
		field: func(c *Config) any { return &c.OutboundCIDRs }},
	{name: "istio-service-exclude-cidr", short: "x", env: derived("istio-service-exclude-cidr"), arg: "cidrs",
		usage: "outbound destinations not to capture",
		field: func(c *Config) any { return &c.OutboundCIDRsExclude }},
	{name: "istio-outbound-ports", short: "q", env: derived("istio-outbound-ports"), arg: "ports",
		usage: "outbound ports to capture whatever the destination",
		field: func(c *Config) any { return &c.OutboundPorts }},
	{name: "istio-local-outbound-ports-exclude", short: "o", env: derived("istio-local-outbound-ports-exclude"), arg: "ports",
		usage: "outbound ports not to capture, TCP and UDP, before everything else",
		field: func(c *Config) any { return &c.OutboundPortsExclude }},
	{name: "outbound-owner-groups", env: []string{"ISTIO_OUTBOUND_OWNER_GROUPS"}, arg: "groups", wildcard: true,
		usage: `groups, by name or number, whose outbound traffic is captured, "*" for all`,
		field: func(c *Config) any { return &c.OwnerGroups }},
	{name: "outbound-owner-groups-exclude", env: []string{"ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE"}, arg: "groups",
		usage: `groups whose outbound traffic is not captured, with --outbound-owner-groups "*"`,
		field: func(c *Config) any { return &c.OwnerGroupsExclude }},
	{name: "istio-exclude-interfaces", short: "c", env: derived("istio-exclude-interfaces"), arg: "names",
		usage: "interfaces whose traffic is not captured",
		field: func(c *Config) any { return &c.ExcludeInterfaces }},
	{name: "kube-virt-interfaces", short: "k", env: derived("kube-virt-interfaces"), arg: "names",
		usage: "interfaces on which incoming traffic is treated as outbound",
		field: func(c *Config) any { return &c.VirtualInterfaces }},
	{name: "loopback-cidr", env: []string{"ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR"}, arg: "cidr",
		usage: "what counts as localhost in IPv4",
		field: func(c *Config) any { return &c.LoopbackCIDR }},
	{name: "redirect-dns", env: derived("redirect-dns", "ISTIO_META_DNS_CAPTURE"),
		usage: "capture DNS, to port 15053 of this host",
		field: func(c *Config) any { return &c.RedirectDNS }},
	{name: "capture-all-dns", env: derived("capture-all-dns"),
		usage: "capture all of port 53, not only what goes to the name servers",
		field: func(c *Config) any { return &c.CaptureAllDNS }},
	{name: "dns-server", arg: "address", adds: true,
		usage: "name server to capture, may be repeated (default: those in resolv.conf)",
		field: func(c *Config) any { return &c.DNSServers }},
	{name: "drop-invalid", env: derived("drop-invalid", "INVALID_DROP"),
		usage: "drop packets that connection tracking calls INVALID",
		field: func(c *Config) any { return &c.DropInvalid }},
	{name: "ipv6", arg: "auto|on|off",
		usage: "capture IPv6; auto looks at the host's addresses",
		field: func(c *Config) any { return &c.IPv6 }},
	{name: "dual-stack", env: derived("dual-stack", "ISTIO_DUAL_STACK"),
		usage: "any IPv6 address makes --ipv6 auto say yes, not only the first address",
		field: func(c *Config) any { return &c.DualStack }},
	{name: "table-prefix", arg: "name",
		usage: "what the names of the nft tables start with",
		field: func(c *Config) any { return &c.TablePrefix }},
	{name: "config", arg: "file", noFile: true,
		usage: "YAML file whose keys are these flags; flags and variables come before it",
		field: func(c *Config) any { return &c.File }},
	{name: "network-namespace", env: derived("network-namespace"), arg: "namespace",
		usage: "network namespace to work in, as --netns",
		field: func(c *Config) any { return &c.NetworkNamespace }},
	{name: "dry-run", short: "n", env: derived("dry-run"),
		usage: "apply only plans",
		field: func(c *Config) any { return &c.DryRun }},
	{name: "skip-rule-apply", env: derived("skip-rule-apply"),
		usage: "apply programs nothing",
		field: func(c *Config) any { return &c.SkipRuleApply }},
	{name: "run-validation", env: derived("run-validation"),
		usage: "probe after apply; exit code 126 when the probe fails",
		field: func(c *Config) any { return &c.RunValidation }},
	{name: "iptables-probe-port", env: derived("iptables-probe-port"), arg: "port",
		usage: "port that the probe connects to",
		field: func(c *Config) any { return &c.ProbePort }},
	{name: "probe-timeout", env: derived("probe-timeout"), arg: "duration",
		usage: "how long the probe waits",
		field: func(c *Config) any { return &c.ProbeTimeout }},
	{name: "cleanup-only", env: derived("cleanup-only"),
		usage: "apply removes",
		field: func(c *Config) any { return &c.CleanupOnly }},
	{name: "reconcile", env: derived("reconcile"),
		usage: "no effect: apply always reconciles",
		field: func(c *Config) any { return &c.Reconcile }},
	{name: "force-apply", env: derived("force-apply"),
		usage: "no effect: apply compares with what the kernel runs",
		field: func(c *Config) any { return &c.ForceApply }},
	{name: "native-nftables", env: derived("native-nftables"),
		usage: "no effect: it is always nftables",
		field: func(c *Config) any { return &c.NativeNftables }},
	{name: "cni-mode", env: derived("cni-mode"),
		usage: "no effect: no program is run",
		field: func(c *Config) any { return &c.CNIMode }},
	{name: "force-iptables-binary", env: derived("force-iptables-binary"), arg: "legacy|nft",
		usage: "no effect: no program is run",
		field: func(c *Config) any { return &c.ForceIptablesBinary }},
}

// optionNamed returns the option of that long name, or nil.
func optionNamed(name string) *option {
	for _, o := range options {
		if o.name == name {
			return o
		}
	}
	return nil
}
