package redirect

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"rechain/translate/iptables"
)

// istioFlags are the flags of istio-iptables: long, short, variables in the order in which they are read. It is written off
// "pilot-agent istio-iptables --help" and tools/istio-iptables/pkg/cmd/root.go, not off our table.
var istioFlags = [][]string{
	{"envoy-port", "p"},
	{"inbound-capture-port", "z", "INBOUND_CAPTURE_PORT"},
	{"inbound-tunnel-port", "e", "INBOUND_TUNNEL_PORT"},
	{"proxy-uid", "u", "PROXY_UID"},
	{"proxy-gid", "g", "PROXY_GID"},
	{"istio-inbound-interception-mode", "m", "ISTIO_INBOUND_INTERCEPTION_MODE"},
	{"istio-inbound-tproxy-mark", "t", "ISTIO_INBOUND_TPROXY_MARK"},
	{"istio-inbound-tproxy-route-table", "r", "ISTIO_INBOUND_TPROXY_ROUTE_TABLE"},
	{"istio-inbound-ports", "b", "ISTIO_INBOUND_PORTS"},
	{"istio-local-exclude-ports", "d", "ISTIO_LOCAL_EXCLUDE_PORTS"},
	{"istio-exclude-interfaces", "c", "ISTIO_EXCLUDE_INTERFACES"},
	{"istio-service-cidr", "i", "ISTIO_SERVICE_CIDR"},
	{"istio-service-exclude-cidr", "x", "ISTIO_SERVICE_EXCLUDE_CIDR"},
	{"istio-outbound-ports", "q", "ISTIO_OUTBOUND_PORTS"},
	{"istio-local-outbound-ports-exclude", "o", "ISTIO_LOCAL_OUTBOUND_PORTS_EXCLUDE"},
	{"kube-virt-interfaces", "k", "KUBE_VIRT_INTERFACES"},
	{"dry-run", "n", "DRY_RUN"},
	{"iptables-probe-port", "", "IPTABLES_PROBE_PORT"},
	{"probe-timeout", "", "PROBE_TIMEOUT"},
	{"skip-rule-apply", "", "SKIP_RULE_APPLY"},
	{"run-validation", "", "RUN_VALIDATION"},
	{"redirect-dns", "", "REDIRECT_DNS", "ISTIO_META_DNS_CAPTURE"},
	{"drop-invalid", "", "DROP_INVALID", "INVALID_DROP"},
	{"dual-stack", "", "DUAL_STACK", "ISTIO_DUAL_STACK"},
	{"capture-all-dns", "", "CAPTURE_ALL_DNS"},
	{"network-namespace", "", "NETWORK_NAMESPACE"},
	{"cni-mode", "", "CNI_MODE"},
	{"reconcile", "", "RECONCILE"},
	{"cleanup-only", "", "CLEANUP_ONLY"},
	{"force-apply", "", "FORCE_APPLY"},
	{"native-nftables", "", "NATIVE_NFTABLES"},
	{"force-iptables-binary", "", "FORCE_IPTABLES_BINARY"},
	// Variables without a flag there.
	{"envoy-user", "", "ENVOY_USER"},
	{"loopback-cidr", "", "ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR"},
	{"outbound-owner-groups", "", "ISTIO_OUTBOUND_OWNER_GROUPS"},
	{"outbound-owner-groups-exclude", "", "ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE"},
}

func TestIstioFlags(t *testing.T) {
	ours := []string{"dns-server", "ipv6", "table-prefix", "config"}
	for _, row := range istioFlags {
		o := optionNamed(row[0])
		if o == nil {
			t.Errorf("no option %s", row[0])
			continue
		}
		if short := row[1]; o.short != short {
			t.Errorf("%s: short flag %q, want %q", o.name, o.short, short)
		}
		if env := row[2:]; !slices.Equal(o.env, env) {
			t.Errorf("%s: variables %q, want %q", o.name, o.env, env)
		}
		ours = append(ours, o.name)
	}
	for _, o := range options {
		if !slices.Contains(ours, o.name) {
			t.Errorf("%s is in no list of this test", o.name)
		}
	}
}

// environment is a lookup over NAME=value words.
func environment(words ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for _, w := range words {
			if k, v, _ := strings.Cut(w, "="); k == name {
				return v, true
			}
		}
		return "", false
	}
}

// from is the configuration that the three kinds of sources give, in the order in which a command would read them.
func from(t *testing.T, flags, env []string, file string) *Config {
	t.Helper()
	c := Default()
	fs := pflag.NewFlagSet("redirect", pflag.ContinueOnError)
	c.Bind(fs)
	if err := fs.Parse(flags); err != nil {
		t.Fatal(err)
	}
	if problems := c.FromEnvironment(environment(env...)); problems != nil {
		t.Fatal(problems)
	}
	if problems := c.FromYAML(strings.NewReader(file), "f.yaml"); problems != nil {
		t.Fatal(problems)
	}
	return &c
}

func TestPrecedence(t *testing.T) {
	for _, test := range []struct {
		name       string
		flags, env []string
		file       string
		want       []string
		source     string // of the option, as a problem names it
	}{
		{"nothing", nil, nil, "", nil, "--istio-inbound-ports"},
		{"file", nil, nil, "istio-inbound-ports: '1'", []string{"1"}, "f.yaml:1:22"},
		{"environment over file", nil, []string{"ISTIO_INBOUND_PORTS=2"}, "istio-inbound-ports: '1'", []string{"2"}, "$ISTIO_INBOUND_PORTS"},
		{"flag over environment and file", []string{"-b", "3"}, []string{"ISTIO_INBOUND_PORTS=2"}, "istio-inbound-ports: '1'",
			[]string{"3"}, "--istio-inbound-ports"},
		{"an empty variable is a value", nil, []string{"ISTIO_INBOUND_PORTS="}, "istio-inbound-ports: '1'", []string{""}, "$ISTIO_INBOUND_PORTS"},
		{"an empty flag is a value", []string{"--istio-inbound-ports="}, []string{"ISTIO_INBOUND_PORTS=2"}, "", []string{""}, "--istio-inbound-ports"},
		{"the last flag counts", []string{"-b", "1,2", "-b", "3"}, nil, "", []string{"3"}, "--istio-inbound-ports"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := from(t, test.flags, test.env, test.file)
			if diff := cmp.Diff(test.want, c.InboundPorts); diff != "" {
				t.Error(diff)
			}
			if got := c.problem("istio-inbound-ports", -1, "x", "").Pos.String(); got != test.source {
				t.Errorf("source %q, want %q", got, test.source)
			}
		})
	}
}

// The order of the calls does not matter, only the kind of source.
func TestPrecedenceAnyOrder(t *testing.T) {
	c := Default()
	fs := pflag.NewFlagSet("redirect", pflag.ContinueOnError)
	c.Bind(fs)
	c.FromEnvironment(environment("PROXY_UID=2"))
	if err := fs.Parse([]string{"-u", "3"}); err != nil {
		t.Fatal(err)
	}
	c.FromYAML(strings.NewReader("proxy-uid: 1\nproxy-gid: [7, 8]"), "f.yaml")
	if diff := cmp.Diff([][]string{{"3"}, {"7", "8"}}, [][]string{c.ProxyUID, c.ProxyGID}); diff != "" {
		t.Error(diff)
	}
}

func TestRepeatedFlag(t *testing.T) {
	c := from(t, []string{"--dns-server", "10.0.0.1", "--dns-server=10.0.0.2,10.0.0.3"}, nil, "dns-server: 10.9.9.9")
	if diff := cmp.Diff([]string{"10.0.0.1", "10.0.0.2", "10.0.0.3"}, c.DNSServers); diff != "" {
		t.Error(diff)
	}
}

// Every option can be set from every source it has, to a value of its kind.
func TestEveryOption(t *testing.T) {
	for _, o := range options {
		fresh := Default()
		text, want := "x", any("x")
		switch o.field(&fresh).(type) {
		case *[]string:
			text, want = "x,y", []string{"x", "y"}
		case *bool:
			text, want = "true", true
		case *time.Duration:
			text, want = "7s", 7*time.Second
		}
		check := func(how string, c *Config) {
			t.Helper()
			got := o.field(c)
			switch p := got.(type) {
			case *string:
				got = *p
			case *[]string:
				got = *p
			case *bool:
				got = *p
			case *time.Duration:
				got = *p
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s by %s: %s", o.name, how, diff)
			}
		}
		check("flag", from(t, []string{"--" + o.name + "=" + text}, nil, ""))
		if o.short != "" {
			check("short flag", from(t, []string{"-" + o.short + text}, nil, ""))
		}
		for _, name := range o.env {
			check("$"+name, from(t, nil, []string{name + "=" + text}, ""))
		}
		if !o.noFile {
			check("file", from(t, nil, nil, o.name+": "+text))
		}
	}
}

// The second variable of an option is read after the first, as Istio does it.
func TestAliasVariables(t *testing.T) {
	c := from(t, nil, []string{"REDIRECT_DNS=true", "ISTIO_META_DNS_CAPTURE=false", "DROP_INVALID=false", "INVALID_DROP=true",
		"DUAL_STACK=true", "ISTIO_DUAL_STACK="}, "")
	if c.RedirectDNS || !c.DropInvalid || !c.DualStack {
		t.Errorf("dns %v, invalid %v, dual stack %v", c.RedirectDNS, c.DropInvalid, c.DualStack)
	}
}

func TestBooleanFlag(t *testing.T) {
	c := from(t, []string{"-n", "--redirect-dns", "--drop-invalid=false"}, []string{"DROP_INVALID=true"}, "")
	if !c.DryRun || !c.RedirectDNS || c.DropInvalid {
		t.Errorf("dry run %v, dns %v, invalid %v", c.DryRun, c.RedirectDNS, c.DropInvalid)
	}
}

func TestWrongFlag(t *testing.T) {
	c := Default()
	fs := pflag.NewFlagSet("redirect", pflag.ContinueOnError)
	c.Bind(fs)
	if err := fs.Parse([]string{"--probe-timeout=soon"}); err == nil || !strings.Contains(err.Error(), `"soon" is not a duration such as 5s`) {
		t.Error(err)
	}
}

func TestWrongEnvironment(t *testing.T) {
	c := Default()
	problems := c.FromEnvironment(environment("REDIRECT_DNS=perhaps", "PROBE_TIMEOUT=5", "CNI_MODE=", "PROBE=1"))
	told(t, problems, `
$REDIRECT_DNS: "perhaps" is not true or false
$PROBE_TIMEOUT: "5" is not a duration such as 5s`)
}

// told compares problems with their text, a line each.
func told(t *testing.T, problems iptables.Problems, want string) {
	t.Helper()
	if diff := cmp.Diff(strings.Split(strings.TrimSpace(want), "\n"), strings.Split(problems.Error(), "\n")); diff != "" {
		t.Error(diff)
	}
}

// TestInjectorsArguments takes what the injection template of Istio 1.29 gives to istio-iptables.
func TestInjectorsArguments(t *testing.T) {
	c := Default()
	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	c.Bind(fs)
	err := fs.Parse([]string{"-p", "15001", "-z", "15006", "-u", "1337", "-m", "REDIRECT", "-i", "*", "-x", "", "-b", "*",
		"-d", "15090,15021,15020", "-q", "", "-o", "", "--log_output_level=default:info", "--log_as_json",
		"--run-validation", "--skip-rule-apply", "--native-nftables"})
	if err != nil {
		t.Fatal(err)
	}
	c.IPv6 = "off"
	if _, problems := c.Resolve(nil); problems != nil {
		t.Error(problems)
	}
}
