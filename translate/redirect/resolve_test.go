package redirect

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rechain/translate/iptables"
)

// machine is a System. Its users and groups are by name.
type machine struct {
	users, groups map[string]string
	resolvConf    string
	unreadable    bool
	addresses     string // separated by spaces
}

func (m machine) LookupUser(name string) (string, error)  { return lookup(m.users, name) }
func (m machine) LookupGroup(name string) (string, error) { return lookup(m.groups, name) }

func lookup(ids map[string]string, name string) (string, error) {
	if id, ok := ids[name]; ok {
		return id, nil
	}
	return "", fmt.Errorf("%s is unknown", name)
}

func (m machine) ResolvConf() ([]byte, error) {
	if m.unreadable {
		return nil, errors.New("permission denied")
	}
	return []byte(m.resolvConf), nil
}

func (m machine) Addresses() ([]netip.Addr, error) {
	if m.unreadable {
		return nil, errors.New("permission denied")
	}
	return addrs(m.addresses), nil
}

func addrs(text string) []netip.Addr {
	var a []netip.Addr
	for _, s := range strings.Fields(text) {
		a = append(a, netip.MustParseAddr(s))
	}
	return a
}

var pod = machine{
	groups:     map[string]string{"java": "700", "ftp": "701"},
	resolvConf: "search x\nnameserver 10.96.0.10\n",
	addresses:  "127.0.0.1 10.1.2.3",
}

// TestWrongValues says each value that is wrong, one at a time.
func TestWrongValues(t *testing.T) {
	for _, test := range []struct{ flag, want string }{
		{"envoy-port=0", `--envoy-port: "0" is not a port (1 to 65535)`},
		{"inbound-capture-port=65536", `--inbound-capture-port: "65536" is not a port (1 to 65535)`},
		{"inbound-tunnel-port=", `--inbound-tunnel-port: "" is not a port (1 to 65535)`},
		{"iptables-probe-port=http", `--iptables-probe-port: "http" is not a port (1 to 65535)`},
		{"envoy-port=080", `--envoy-port: "080" is not a port (1 to 65535)`},
		{"envoy-port=+80", `--envoy-port: "+80" is not a port (1 to 65535)`},
		{"istio-inbound-ports=80,0", `--istio-inbound-ports: "0" is not a port (1 to 65535) or a range of ports; write 80 or 8000:9000`},
		{"istio-inbound-ports=80,*", `--istio-inbound-ports: "*" stands beside other entries; write "*" alone, or leave it out`},
		{"istio-local-exclude-ports=*", `--istio-local-exclude-ports: "*" has no meaning here; say what, one by one`},
		{"istio-outbound-ports=*", `--istio-outbound-ports: "*" has no meaning here; say what, one by one`},
		{"istio-outbound-ports=90:80", `--istio-outbound-ports: the range "90:80" ends before it starts; write 80:90`},
		{"istio-outbound-ports=80:", `--istio-outbound-ports: "80:" is not a port (1 to 65535) or a range of ports; write 80 or 8000:9000`},
		{"istio-local-outbound-ports-exclude=1:2:3", `--istio-local-outbound-ports-exclude: "1:2:3" is not a port (1 to 65535) or a range of ports; write 80 or 8000:9000`},
		{"istio-local-outbound-ports-exclude=80-70000", `--istio-local-outbound-ports-exclude: "80-70000" is not a port (1 to 65535) or a range of ports; write 80 or 8000:9000`},
		{"istio-service-cidr=10.0.0.0/33", `--istio-service-cidr: "10.0.0.0/33" is not an address or a prefix; write 10.0.0.0/8 or 2001:db8::/32`},
		{"istio-service-cidr=*,10.0.0.0/8", `--istio-service-cidr: "*" stands beside other entries; write "*" alone, or leave it out`},
		{"istio-service-cidr=fe80::1%eth0", `--istio-service-cidr: "fe80::1%eth0" is not an address or a prefix; write 10.0.0.0/8 or 2001:db8::/32`},
		{"istio-service-exclude-cidr=*", `--istio-service-exclude-cidr: "*" has no meaning here; say what, one by one`},
		{"proxy-uid=root", `--proxy-uid: "root" is not an id (0 to 4294967294)`},
		{"proxy-uid=4294967295", `--proxy-uid: "4294967295" is not an id (0 to 4294967294)`},
		{"proxy-gid=-1", `--proxy-gid: "-1" is not an id (0 to 4294967294)`},
		{"istio-inbound-interception-mode=tproxy", `--istio-inbound-interception-mode: "tproxy" is not REDIRECT or TPROXY`},
		{"istio-inbound-tproxy-mark=0", `--istio-inbound-tproxy-mark: "0" is not a mark (1 to 4294967295, decimal or 0x…)`},
		{"istio-inbound-tproxy-mark=0x100000000", `--istio-inbound-tproxy-mark: "0x100000000" is not a mark (1 to 4294967295, decimal or 0x…)`},
		{"istio-inbound-tproxy-route-table=0", `--istio-inbound-tproxy-route-table: "0" is not the number of a routing table (1 to 4294967295)`},
		{"istio-inbound-tproxy-route-table=254", `--istio-inbound-tproxy-route-table: 254 is a routing table of the kernel; take another number`},
		{"istio-inbound-tproxy-route-table=main", `--istio-inbound-tproxy-route-table: "main" is not the number of a routing table (1 to 4294967295)`},
		{"istio-exclude-interfaces=0123456789abcdef", `--istio-exclude-interfaces: "0123456789abcdef" is too long for an interface, which has at most 15 bytes`},
		{"istio-exclude-interfaces=a/b", `--istio-exclude-interfaces: "a/b" is not the name of an interface`},
		{"kube-virt-interfaces=a b", `--kube-virt-interfaces: "a b" is not the name of an interface`},
		{"kube-virt-interfaces=-j", `--kube-virt-interfaces: "-j" is not the name of an interface`},
		{"kube-virt-interfaces=..", `--kube-virt-interfaces: ".." is not the name of an interface`},
		{"loopback-cidr=10.0.0.1", `--loopback-cidr: "10.0.0.1" is not inside 127.0.0.0/8`},
		{"loopback-cidr=127.0.0.1/7", `--loopback-cidr: "127.0.0.1/7" is not inside 127.0.0.0/8`},
		{"loopback-cidr=::1", `--loopback-cidr: "::1" is not inside 127.0.0.0/8`},
		{"loopback-cidr=localhost", `--loopback-cidr: "localhost" is not an address or a prefix; write 10.0.0.0/8 or 2001:db8::/32`},
		{"outbound-owner-groups=java,nobody", `--outbound-owner-groups: there is no group "nobody"`},
		{"outbound-owner-groups=java,*", `--outbound-owner-groups: "*" stands beside other entries; write "*" alone, or leave it out`},
		{"outbound-owner-groups=" + strings.Repeat("7,", 65), `--outbound-owner-groups: 65 groups, but one rule holds at most 64`},
		{"outbound-owner-groups-exclude=*", `--outbound-owner-groups-exclude: "*" has no meaning here; say what, one by one`},
		{"outbound-owner-groups-exclude=4294967295", `--outbound-owner-groups-exclude: "4294967295" is not an id (0 to 4294967294)`},
		{"dns-server=dns.example", `--dns-server: "dns.example" is not an address`},
		{"dns-server=fe80::1%eth0", `--dns-server: "fe80::1%eth0" has a zone, which no rule can ask for; leave out %eth0`},
		{"ipv6=yes", `--ipv6: "yes" is not auto or on or off`},
		{"table-prefix=9", `--table-prefix: "9" cannot start the name of a table; take a letter, then letters, digits, _ . or -`},
		{"table-prefix=", `--table-prefix: "" cannot start the name of a table; take a letter, then letters, digits, _ . or -`},
		{"table-prefix=" + strings.Repeat("x", 249), `--table-prefix: "` + strings.Repeat("x", 249) + `" cannot start the name of a table; take a letter, then letters, digits, _ . or -`},
		{"probe-timeout=0s", `--probe-timeout: 0s is no time to wait`},
		{"force-iptables-binary=nftables", `--force-iptables-binary: "nftables" is not legacy or nft`},
	} {
		p, problems := from(t, []string{"--" + test.flag}, nil, "").Resolve(pod)
		if p != nil {
			t.Errorf("--%s is taken", test.flag)
			continue
		}
		told(t, problems, test.want)
	}
}

// TestAllWrongAtOnce: one run names everything, wherever it was said.
func TestAllWrongAtOnce(t *testing.T) {
	c := from(t, []string{"-b", "80,,0", "--ipv6=maybe"}, []string{"ISTIO_SERVICE_CIDR=10.0.0.0/8,x"},
		"istio-outbound-ports:\n  - 443\n  - 99999\nproxy-uid: root")
	_, problems := c.Resolve(pod)
	told(t, problems, `
--istio-inbound-ports: "0" is not a port (1 to 65535) or a range of ports; write 80 or 8000:9000
$ISTIO_SERVICE_CIDR: "x" is not an address or a prefix; write 10.0.0.0/8 or 2001:db8::/32
f.yaml:3:5: istio-outbound-ports: "99999" is not a port (1 to 65535) or a range of ports; write 80 or 8000:9000
f.yaml:4:12: proxy-uid: "root" is not an id (0 to 4294967294)
--ipv6: "maybe" is not auto or on or off`)
}

// resolved is the plan of flags on a machine; nothing may be wrong with it.
func resolved(t *testing.T, m machine, flags ...string) *Plan {
	t.Helper()
	p, problems := from(t, flags, nil, "").Resolve(m)
	if problems != nil {
		t.Fatal(problems)
	}
	return p
}

func TestTakenValues(t *testing.T) {
	p := resolved(t, pod, "-b", " 80 ,8000-8010,,9000:9000,80,", "-i", "10.1.2.3,10.1.2.3/8,2001:db8::1,::/0", "-t", "0x10",
		"-c", "eth+,+,br-1.2@x", "--loopback-cidr", "127.1.2.3/8", "--outbound-owner-groups", "java,0,4294967294",
		"-m", "REDIRECT", "--table-prefix", "a_B.c-9", "-r", "4294967295")
	want := &Plan{
		ProxyPort: 15001, CapturePort: 15006, TunnelPort: 15008,
		UIDs: []uint32{1337}, GIDs: []uint32{1337},
		Mark: 16, RouteTable: 4294967295,
		InboundPorts: []PortRange{{80, 80}, {8000, 8010}, {9000, 9000}, {80, 80}},
		Outbound: []netip.Prefix{netip.MustParsePrefix("10.1.2.3/32"), netip.MustParsePrefix("10.1.2.3/8"),
			netip.MustParsePrefix("2001:db8::1/128"), netip.MustParsePrefix("::/0")},
		Groups:            []Group{{"java", 700}, {"0", 0}, {"4294967294", 4294967294}},
		ExcludeInterfaces: []string{"eth+", "+", "br-1.2@x"},
		Loopback:          netip.MustParsePrefix("127.1.2.3/8"),
		TablePrefix:       "a_B.c-9",
		ProbePort:         15002, ProbeTimeout: 5e9,
	}
	if diff := cmp.Diff(want, p, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
}

func TestReservedMark(t *testing.T) {
	_, problems := from(t, []string{"-m", "TPROXY", "-t", "0x53a"}, nil, "").Resolve(pod)
	told(t, problems, "--istio-inbound-tproxy-mark: 1338 is the mark of the proxy's own packets in TPROXY mode; take another")
	resolved(t, pod, "-t", "1338") // it has no meaning without TPROXY
}

func TestProxyIDs(t *testing.T) {
	users := machine{users: map[string]string{"istio-proxy": "101", "me": "1000"}, addresses: pod.addresses}
	for _, test := range []struct {
		m     machine
		flags []string
		uids  []uint32
		gids  []uint32
	}{
		{pod, nil, []uint32{1337}, []uint32{1337}},
		{users, nil, []uint32{101}, []uint32{101}},
		{users, []string{"--envoy-user=me"}, []uint32{1000}, []uint32{1000}},
		{users, []string{"--envoy-user=nobody-here"}, []uint32{1337}, []uint32{1337}},
		{users, []string{"-u3,4", "--envoy-user=me"}, []uint32{3, 4}, []uint32{3, 4}},
		{users, []string{"-u", ",", "-g", "5"}, []uint32{101}, []uint32{5}},
	} {
		p := resolved(t, test.m, test.flags...)
		if diff := cmp.Diff([][]uint32{test.uids, test.gids}, [][]uint32{p.UIDs, p.GIDs}); diff != "" {
			t.Errorf("%q: %s", test.flags, diff)
		}
	}
}

func TestDNSServers(t *testing.T) {
	none, broken := pod, pod
	none.resolvConf, broken.unreadable = "options ndots:5\n", true
	for _, test := range []struct {
		m       machine
		flags   string
		capture bool
		servers string
		note    string
	}{
		{pod, "--ipv6=off", false, "", ""},
		{pod, "--ipv6=off --redirect-dns", true, "10.96.0.10", ""},
		{pod, "--ipv6=off --redirect-dns --dns-server=1.1.1.1,::1", true, "1.1.1.1 ::1", ""},
		{broken, "--ipv6=off --redirect-dns --dns-server=1.1.1.1", true, "1.1.1.1", ""},
		{broken, "--ipv6=off --redirect-dns --capture-all-dns", true, "", ""},
		{broken, "--ipv6=off --capture-all-dns", false, "", ""},
		{none, "--ipv6=off --redirect-dns", false, "",
			"--redirect-dns: DNS is not captured, for no name servers are known; use --dns-server or --capture-all-dns"},
	} {
		p := resolved(t, test.m, strings.Fields(test.flags)...)
		if diff := cmp.Diff(addrs(test.servers), p.DNSServers, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" || p.RedirectDNS != test.capture || p.Notes.Error() != test.note {
			t.Errorf("%s: capture %v, notes %v, servers %s", test.flags, p.RedirectDNS, p.Notes, diff)
		}
	}
	_, problems := from(t, []string{"--ipv6=off", "--redirect-dns"}, nil, "").Resolve(broken)
	told(t, problems, "--redirect-dns: no name servers are known: permission denied; use --dns-server or --capture-all-dns")
}

func TestIPv6(t *testing.T) {
	for _, test := range []struct {
		m     machine
		flags string
		want  bool
	}{
		{machine{unreadable: true}, "--ipv6=on", true},
		{machine{unreadable: true}, "--ipv6=off", false},
		{machine{addresses: "2001:db8::1 10.0.0.1"}, "", true},
		{machine{addresses: "10.0.0.1 2001:db8::1"}, "", false},
		{machine{addresses: "10.0.0.1 2001:db8::1"}, "--dual-stack", true},
	} {
		if p := resolved(t, test.m, strings.Fields(test.flags)...); p.IPv6 != test.want {
			t.Errorf("%q on %q: IPv6 %v", test.flags, test.m.addresses, p.IPv6)
		}
	}
	for _, test := range []struct {
		m    machine
		want string
	}{
		{machine{addresses: "127.0.0.1 ::1 fe80::1"}, "auto cannot decide: there is no address other than loopback and link-local"},
		{machine{unreadable: true}, "auto cannot look at the addresses: permission denied"},
	} {
		_, problems := from(t, nil, nil, "").Resolve(test.m)
		told(t, problems, "--ipv6: "+test.want+"; say --ipv6 on or --ipv6 off")
	}
}

func TestNotes(t *testing.T) {
	p := resolved(t, pod, "-b", "80", "-d", "90", "--outbound-owner-groups", "java", "--outbound-owner-groups-exclude", "ftp")
	told(t, p.Notes, `
--istio-local-exclude-ports: has no effect, for --istio-inbound-ports is not "*"
--outbound-owner-groups-exclude: has no effect, for --outbound-owner-groups is not "*"`)
	if p := resolved(t, pod, "-b", "*", "-d", "90", "--outbound-owner-groups-exclude", "ftp"); p.Notes != nil {
		t.Error(p.Notes)
	}
}

func TestDetectIPv6(t *testing.T) {
	for _, test := range []struct {
		addresses string
		dualStack bool
		want, ok  bool
	}{
		{"", false, false, false},
		{"::1 127.0.0.1 fe80::1 169.254.1.1 ff02::1 224.0.0.1", true, false, false},
		{"127.0.0.1 1.2.3.5", false, false, true},
		{"::1 2222:3333::1", false, true, true},
		{"::1 127.0.0.1 1.2.3.5 2222:3333::1", false, false, true},
		{"::1 127.0.0.1 1.2.3.5 2222:3333::1", true, true, true},
		{"1.2.3.4 5.6.7.8", true, false, true},
		{"::ffff:1.2.3.4", false, false, true},
	} {
		got, ok := DetectIPv6(addrs(test.addresses), test.dualStack)
		if got != test.want || ok != test.ok {
			t.Errorf("%q, dual stack %v: %v, %v", test.addresses, test.dualStack, got, ok)
		}
	}
}

func TestParseResolvConf(t *testing.T) {
	got := ParseResolvConf([]byte("# nameserver 1.1.1.1\n;nameserver 2.2.2.2\nnameserver 10.0.0.1\n\tnameserver\tfe80::1%eth0 # c\n" +
		"nameserver\nnameserver dns.example\nnameservers 3.3.3.3\nsearch a b\nnameserver ::1"))
	if diff := cmp.Diff(addrs("10.0.0.1 fe80::1 ::1"), got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
}

func TestSystemState(t *testing.T) {
	lo6 := []netip.Prefix{netip.MustParsePrefix("::6/128")}
	rule4, route4 := PolicyRule{iptables.IPv4, 7, 133}, LocalRoute{iptables.IPv4, 133}
	rule6, route6 := PolicyRule{iptables.IPv6, 7, 133}, LocalRoute{iptables.IPv6, 133}
	for _, test := range []struct {
		flags string
		want  State
	}{
		{"--ipv6=off -b *", State{}},
		{"--ipv6=on -b *", State{Addresses: lo6}},
		{"--ipv6=off -b 80 -m TPROXY -t 7", State{Rules: []PolicyRule{rule4}, Routes: []LocalRoute{route4}}},
		{"--ipv6=on -b * -m TPROXY -t 7", State{Rules: []PolicyRule{rule4, rule6}, Routes: []LocalRoute{route4, route6}, Addresses: lo6}},
		{"--ipv6=on -m TPROXY -t 7", State{Addresses: lo6}},
	} {
		got := resolved(t, pod, strings.Fields(test.flags)...).SystemState()
		if diff := cmp.Diff(test.want, got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
			t.Errorf("%s: %s", test.flags, diff)
		}
	}
}
