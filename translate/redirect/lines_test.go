package redirect

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rechain/translate/iptables"
)

// restore is the restore text of a plan for one family.
func restore(t *testing.T, p *Plan, f iptables.Family) string {
	t.Helper()
	var b strings.Builder
	if err := p.WriteRestore(&b, f); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// full are whole rule sets, table by table, for what a few options do together. What iptables makes of them is judged in
// kernel_test.go.
var full = []struct {
	name, flags string
	family      iptables.Family
	want        string
}{
	{"redirect, as in Kubernetes", "--ipv6=off -i * -b * -d 15090,15021", iptables.IPv4, `
* nat
-N ISTIO_INBOUND
-N ISTIO_REDIRECT
-N ISTIO_IN_REDIRECT
-N ISTIO_OUTPUT
-A ISTIO_INBOUND -p tcp --dport 15008 -j RETURN
-A ISTIO_REDIRECT -p tcp -j REDIRECT --to-ports 15001
-A ISTIO_IN_REDIRECT -p tcp -j REDIRECT --to-ports 15006
-A PREROUTING -p tcp -j ISTIO_INBOUND
-A ISTIO_INBOUND -p tcp --dport 15090 -j RETURN
-A ISTIO_INBOUND -p tcp --dport 15021 -j RETURN
-A ISTIO_INBOUND -p tcp -j ISTIO_IN_REDIRECT
-A OUTPUT -j ISTIO_OUTPUT
-A ISTIO_OUTPUT -o lo -s 127.0.0.6/32 -j RETURN
-A ISTIO_OUTPUT -o lo ! -d 127.0.0.1/32 -p tcp ! --dport 15008 -m owner --uid-owner 1337 -j ISTIO_IN_REDIRECT
-A ISTIO_OUTPUT -o lo -m owner ! --uid-owner 1337 -j RETURN
-A ISTIO_OUTPUT -m owner --uid-owner 1337 -j RETURN
-A ISTIO_OUTPUT -o lo ! -d 127.0.0.1/32 -p tcp ! --dport 15008 -m owner --gid-owner 1337 -j ISTIO_IN_REDIRECT
-A ISTIO_OUTPUT -o lo -m owner ! --gid-owner 1337 -j RETURN
-A ISTIO_OUTPUT -m owner --gid-owner 1337 -j RETURN
-A ISTIO_OUTPUT -d 127.0.0.1/32 -j RETURN
-A ISTIO_OUTPUT -j ISTIO_REDIRECT
COMMIT
`},
	{"IPv6, with everything in ISTIO_OUTPUT",
		"--ipv6=on -b 80 -o 25 -u 3,4 -g 5 -i 10.0.0.0/8,2001:db8::/32 -x 10.1.0.0/16,2001:db8:1::/48 -q 443 " +
			"--outbound-owner-groups=java,9 -k eth1 --redirect-dns --dns-server=fd00::53,10.0.0.53", iptables.IPv6, `
* nat
-N ISTIO_INBOUND
-N ISTIO_REDIRECT
-N ISTIO_IN_REDIRECT
-N ISTIO_OUTPUT
-N ISTIO_OUTPUT_DNS
-I PREROUTING 1 -i eth1 -j RETURN
-A ISTIO_INBOUND -p tcp --dport 15008 -j RETURN
-A ISTIO_REDIRECT -p tcp -j REDIRECT --to-ports 15001
-A ISTIO_IN_REDIRECT -p tcp -j REDIRECT --to-ports 15006
-A PREROUTING -p tcp -j ISTIO_INBOUND
-A ISTIO_INBOUND -p tcp --dport 80 -j ISTIO_IN_REDIRECT
-A OUTPUT -j ISTIO_OUTPUT
-A ISTIO_OUTPUT -p tcp --dport 25 -j RETURN
-A ISTIO_OUTPUT -p udp --dport 25 -j RETURN
-A ISTIO_OUTPUT -o lo -s ::6/128 -j RETURN
-A ISTIO_OUTPUT -o lo ! -d ::1/128 -p tcp -m multiport ! --dports 53,15008 -m owner --uid-owner 3 -j ISTIO_IN_REDIRECT
-A ISTIO_OUTPUT -o lo -p tcp ! --dport 53 -m owner ! --uid-owner 3 -j RETURN
-A ISTIO_OUTPUT -m owner --uid-owner 3 -j RETURN
-A ISTIO_OUTPUT -o lo ! -d ::1/128 -p tcp -m multiport ! --dports 53,15008 -m owner --uid-owner 4 -j ISTIO_IN_REDIRECT
-A ISTIO_OUTPUT -o lo -p tcp ! --dport 53 -m owner ! --uid-owner 4 -j RETURN
-A ISTIO_OUTPUT -m owner --uid-owner 4 -j RETURN
-A ISTIO_OUTPUT -o lo ! -d ::1/128 -p tcp ! --dport 15008 -m owner --gid-owner 5 -j ISTIO_IN_REDIRECT
-A ISTIO_OUTPUT -o lo -p tcp ! --dport 53 -m owner ! --gid-owner 5 -j RETURN
-A ISTIO_OUTPUT -m owner --gid-owner 5 -j RETURN
-A ISTIO_OUTPUT -m owner ! --gid-owner java -m owner ! --gid-owner 9 -j RETURN
-A ISTIO_OUTPUT -j ISTIO_OUTPUT_DNS
-A ISTIO_OUTPUT_DNS -p tcp --dport 53 -d fd00::53/128 -j REDIRECT --to-ports 15053
-A ISTIO_OUTPUT_DNS -p udp --dport 53 -d fd00::53/128 -j REDIRECT --to-port 15053
-A ISTIO_OUTPUT -d ::1/128 -j RETURN
-A ISTIO_OUTPUT -d 2001:db8:1::/48 -j RETURN
-A ISTIO_OUTPUT -p tcp --dport 443 -j ISTIO_REDIRECT
-I PREROUTING 1 -i eth1 -d 2001:db8::/32 -j ISTIO_REDIRECT
-A ISTIO_OUTPUT -d 2001:db8::/32 -j ISTIO_REDIRECT
COMMIT
* raw
-N ISTIO_OUTPUT_DNS
-N ISTIO_INBOUND
-A OUTPUT -j ISTIO_OUTPUT_DNS
-A ISTIO_OUTPUT_DNS -p udp --dport 53 -m owner --uid-owner 3 -j CT --zone 1
-A ISTIO_OUTPUT_DNS -p udp --sport 15053 -m owner --uid-owner 3 -j CT --zone 2
-A ISTIO_OUTPUT_DNS -p udp --dport 53 -m owner --uid-owner 4 -j CT --zone 1
-A ISTIO_OUTPUT_DNS -p udp --sport 15053 -m owner --uid-owner 4 -j CT --zone 2
-A ISTIO_OUTPUT_DNS -p udp --dport 53 -m owner --gid-owner 5 -j CT --zone 1
-A ISTIO_OUTPUT_DNS -p udp --sport 15053 -m owner --gid-owner 5 -j CT --zone 2
-A PREROUTING -j ISTIO_INBOUND
-A ISTIO_OUTPUT_DNS -p udp --dport 53 -d fd00::53/128 -j CT --zone 2
-A ISTIO_INBOUND -p udp --sport 53 -s fd00::53/128 -j CT --zone 1
COMMIT
`},
	{"TPROXY and DNS", "--ipv6=off -m TPROXY -b * -d 15090 -t 0x10 -z 16006 -u 3,4 -g 5 -c eth9 --drop-invalid --redirect-dns --capture-all-dns", iptables.IPv4, `
* mangle
-N ISTIO_DROP
-N ISTIO_DIVERT
-N ISTIO_TPROXY
-N ISTIO_INBOUND
-A PREROUTING -i eth9 -j RETURN
-A OUTPUT -o eth9 -j RETURN
-A PREROUTING -m conntrack --ctstate INVALID -j ISTIO_DROP
-A ISTIO_DROP -j DROP
-A ISTIO_DIVERT -j MARK --set-mark 16
-A ISTIO_DIVERT -j ACCEPT
-A ISTIO_TPROXY ! -d 127.0.0.1/32 -p tcp -j TPROXY --tproxy-mark 16/0xffffffff --on-port 16006
-A PREROUTING -p tcp -j ISTIO_INBOUND
-A ISTIO_INBOUND -p tcp --dport 15090 -j RETURN
-A ISTIO_INBOUND -p tcp -m conntrack --ctstate RELATED,ESTABLISHED -j ISTIO_DIVERT
-A ISTIO_INBOUND -p tcp -j ISTIO_TPROXY
-A PREROUTING -p tcp -m mark --mark 16 -j CONNMARK --save-mark
-A OUTPUT -p tcp -o lo -m mark --mark 16 -j RETURN
-A OUTPUT ! -d 127.0.0.1/32 -p tcp -o lo -m owner --uid-owner 3 -j MARK --set-mark 1338
-A OUTPUT ! -d 127.0.0.1/32 -p tcp -o lo -m owner --uid-owner 4 -j MARK --set-mark 1338
-A OUTPUT ! -d 127.0.0.1/32 -p tcp -o lo -m owner --gid-owner 5 -j MARK --set-mark 1338
-A OUTPUT -p tcp -m connmark --mark 16 -j CONNMARK --restore-mark
-I ISTIO_INBOUND 1 -p tcp -m mark --mark 16 -j RETURN
-I ISTIO_INBOUND 2 -p tcp -s 127.0.0.6/32 -i lo -j RETURN
-I ISTIO_INBOUND 3 -p tcp -i lo -m mark ! --mark 1338 -j RETURN
COMMIT
* nat
-N ISTIO_INBOUND
-N ISTIO_REDIRECT
-N ISTIO_IN_REDIRECT
-N ISTIO_OUTPUT
-N ISTIO_OUTPUT_DNS
-A PREROUTING -i eth9 -j RETURN
-A OUTPUT -o eth9 -j RETURN
-A ISTIO_INBOUND -p tcp --dport 15008 -j RETURN
-A ISTIO_REDIRECT -p tcp -j REDIRECT --to-ports 15001
-A ISTIO_IN_REDIRECT -p tcp -j REDIRECT --to-ports 16006
-A OUTPUT -j ISTIO_OUTPUT
-A ISTIO_OUTPUT -o lo -s 127.0.0.6/32 -j RETURN
-A ISTIO_OUTPUT -o lo ! -d 127.0.0.1/32 -p tcp -m multiport ! --dports 53,15008 -m owner --uid-owner 3 -j ISTIO_IN_REDIRECT
-A ISTIO_OUTPUT -o lo -p tcp ! --dport 53 -m owner ! --uid-owner 3 -j RETURN
-A ISTIO_OUTPUT -m owner --uid-owner 3 -j RETURN
-A ISTIO_OUTPUT -o lo ! -d 127.0.0.1/32 -p tcp -m multiport ! --dports 53,15008 -m owner --uid-owner 4 -j ISTIO_IN_REDIRECT
-A ISTIO_OUTPUT -o lo -p tcp ! --dport 53 -m owner ! --uid-owner 4 -j RETURN
-A ISTIO_OUTPUT -m owner --uid-owner 4 -j RETURN
-A ISTIO_OUTPUT -o lo ! -d 127.0.0.1/32 -p tcp ! --dport 15008 -m owner --gid-owner 5 -j ISTIO_IN_REDIRECT
-A ISTIO_OUTPUT -o lo -p tcp ! --dport 53 -m owner ! --gid-owner 5 -j RETURN
-A ISTIO_OUTPUT -m owner --gid-owner 5 -j RETURN
-A ISTIO_OUTPUT -j ISTIO_OUTPUT_DNS
-A ISTIO_OUTPUT_DNS -p tcp --dport 53 -j REDIRECT --to-ports 15053
-A ISTIO_OUTPUT_DNS -p udp --dport 53 -j REDIRECT --to-port 15053
-A ISTIO_OUTPUT -d 127.0.0.1/32 -j RETURN
COMMIT
* raw
-N ISTIO_OUTPUT_DNS
-N ISTIO_INBOUND
-A OUTPUT -j ISTIO_OUTPUT_DNS
-A ISTIO_OUTPUT_DNS -p udp --dport 53 -m owner --uid-owner 3 -j CT --zone 1
-A ISTIO_OUTPUT_DNS -p udp --sport 15053 -m owner --uid-owner 3 -j CT --zone 2
-A ISTIO_OUTPUT_DNS -p udp --dport 53 -m owner --uid-owner 4 -j CT --zone 1
-A ISTIO_OUTPUT_DNS -p udp --sport 15053 -m owner --uid-owner 4 -j CT --zone 2
-A ISTIO_OUTPUT_DNS -p udp --dport 53 -m owner --gid-owner 5 -j CT --zone 1
-A ISTIO_OUTPUT_DNS -p udp --sport 15053 -m owner --gid-owner 5 -j CT --zone 2
-A PREROUTING -j ISTIO_INBOUND
-A ISTIO_OUTPUT_DNS -p udp --dport 53 -j CT --zone 2
-A ISTIO_INBOUND -p udp --sport 53 -j CT --zone 1
COMMIT
`},
	{"IPv6 off", "--ipv6=off -i *", iptables.IPv6, ""},
}

func TestFullRules(t *testing.T) {
	for _, test := range full {
		t.Run(test.name, func(t *testing.T) {
			got := restore(t, resolved(t, pod, strings.Fields(test.flags)...), test.family)
			if diff := cmp.Diff(strings.TrimPrefix(test.want, "\n"), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// single are what one option changes in the rules that are there without it, each line with its key: "-" for lines that go, "+"
// for lines that come, in their order. with are options that the one needs.
var single = []struct {
	with, flags string
	family      iptables.Family
	want        string
}{
	{"", "-p 1", 4, `
- envoy-port=15001: -A ISTIO_REDIRECT -p tcp -j REDIRECT --to-ports 15001
+ envoy-port=1: -A ISTIO_REDIRECT -p tcp -j REDIRECT --to-ports 1`},
	{"", "-z 2", 4, `
- inbound-capture-port=15006: -A ISTIO_IN_REDIRECT -p tcp -j REDIRECT --to-ports 15006
+ inbound-capture-port=2: -A ISTIO_IN_REDIRECT -p tcp -j REDIRECT --to-ports 2`},
	{"", "-e 3", 4, `
- inbound-tunnel-port=15008: -A ISTIO_INBOUND -p tcp --dport 15008 -j RETURN
- proxy-uid=1337: -A ISTIO_OUTPUT -o lo ! -d 127.0.0.1/32 -p tcp ! --dport 15008 -m owner --uid-owner 1337 -j ISTIO_IN_REDIRECT
- proxy-gid=1337: -A ISTIO_OUTPUT -o lo ! -d 127.0.0.1/32 -p tcp ! --dport 15008 -m owner --gid-owner 1337 -j ISTIO_IN_REDIRECT
+ inbound-tunnel-port=3: -A ISTIO_INBOUND -p tcp --dport 3 -j RETURN
+ proxy-uid=1337: -A ISTIO_OUTPUT -o lo ! -d 127.0.0.1/32 -p tcp ! --dport 3 -m owner --uid-owner 1337 -j ISTIO_IN_REDIRECT
+ proxy-gid=1337: -A ISTIO_OUTPUT -o lo ! -d 127.0.0.1/32 -p tcp ! --dport 3 -m owner --gid-owner 1337 -j ISTIO_IN_REDIRECT`},
	{"-u 1 -g 2", "-u 1,4", 6, `
+ proxy-uid=4: -A ISTIO_OUTPUT -o lo ! -d ::1/128 -p tcp ! --dport 15008 -m owner --uid-owner 4 -j ISTIO_IN_REDIRECT
+ proxy-uid=4: -A ISTIO_OUTPUT -o lo -m owner ! --uid-owner 4 -j RETURN
+ proxy-uid=4: -A ISTIO_OUTPUT -m owner --uid-owner 4 -j RETURN`},
	{"-u 1 -g 2", "-g 2,4", 6, `
+ proxy-gid=4: -A ISTIO_OUTPUT -o lo ! -d ::1/128 -p tcp ! --dport 15008 -m owner --gid-owner 4 -j ISTIO_IN_REDIRECT
+ proxy-gid=4: -A ISTIO_OUTPUT -o lo -m owner ! --gid-owner 4 -j RETURN
+ proxy-gid=4: -A ISTIO_OUTPUT -m owner --gid-owner 4 -j RETURN`},
	{"", "-m REDIRECT -t 7 -r 8", 4, ""},
	{"", "-b *", 4, `
+ istio-inbound-ports: -A PREROUTING -p tcp -j ISTIO_INBOUND
+ istio-inbound-ports=*: -A ISTIO_INBOUND -p tcp -j ISTIO_IN_REDIRECT`},
	{"", "-b 80,8000-8010,80", 6, `
+ istio-inbound-ports: -A PREROUTING -p tcp -j ISTIO_INBOUND
+ istio-inbound-ports=80: -A ISTIO_INBOUND -p tcp --dport 80 -j ISTIO_IN_REDIRECT
+ istio-inbound-ports=8000:8010: -A ISTIO_INBOUND -p tcp --dport 8000:8010 -j ISTIO_IN_REDIRECT
+ istio-inbound-ports=80: -A ISTIO_INBOUND -p tcp --dport 80 -j ISTIO_IN_REDIRECT`},
	{"", "-b ,", 4, ""},
	{"-b *", "-d 90:91,92", 4, `
+ istio-local-exclude-ports=90:91: -A ISTIO_INBOUND -p tcp --dport 90:91 -j RETURN
+ istio-local-exclude-ports=92: -A ISTIO_INBOUND -p tcp --dport 92 -j RETURN`},
	{"-b 80", "-d 90", 4, ""},
	{"", "-d 90", 4, ""},
	{"", "-i *", 6, `
+ istio-service-cidr=*: -A ISTIO_OUTPUT -j ISTIO_REDIRECT`},
	{"", "-i 10.1.2.3/8,192.0.2.1,2001:db8::/32", 4, `
+ istio-service-cidr=10.1.2.3/8: -A ISTIO_OUTPUT -d 10.1.2.3/8 -j ISTIO_REDIRECT
+ istio-service-cidr=192.0.2.1/32: -A ISTIO_OUTPUT -d 192.0.2.1/32 -j ISTIO_REDIRECT`},
	{"", "-i ::1/128", 4, `
- proxy-uid=1337: -A ISTIO_OUTPUT -o lo -m owner ! --uid-owner 1337 -j RETURN
- proxy-gid=1337: -A ISTIO_OUTPUT -o lo -m owner ! --gid-owner 1337 -j RETURN`},
	{"", "-i 127.1.0.0/16", 6, `
- proxy-uid=1337: -A ISTIO_OUTPUT -o lo -m owner ! --uid-owner 1337 -j RETURN
- proxy-gid=1337: -A ISTIO_OUTPUT -o lo -m owner ! --gid-owner 1337 -j RETURN`},
	{"-i *", "-x 10.0.0.0/8,2001:DB8:0::/32", 4, `
+ istio-service-exclude-cidr=10.0.0.0/8: -A ISTIO_OUTPUT -d 10.0.0.0/8 -j RETURN`},
	{"-i *", "-x 10.0.0.0/8,2001:DB8:0::/32", 6, `
+ istio-service-exclude-cidr=2001:db8::/32: -A ISTIO_OUTPUT -d 2001:db8::/32 -j RETURN`},
	{"", "-q 443,8000:8443", 4, `
+ istio-outbound-ports=443: -A ISTIO_OUTPUT -p tcp --dport 443 -j ISTIO_REDIRECT
+ istio-outbound-ports=8000:8443: -A ISTIO_OUTPUT -p tcp --dport 8000:8443 -j ISTIO_REDIRECT`},
	{"", "-o 25", 6, `
+ istio-local-outbound-ports-exclude=25: -A ISTIO_OUTPUT -p tcp --dport 25 -j RETURN
+ istio-local-outbound-ports-exclude=25: -A ISTIO_OUTPUT -p udp --dport 25 -j RETURN`},
	{"", "--outbound-owner-groups=java,9", 4, `
+ outbound-owner-groups: -A ISTIO_OUTPUT -m owner ! --gid-owner 700 -m owner ! --gid-owner 9 -j RETURN`},
	{"", "--outbound-owner-groups=", 4, `
+ outbound-owner-groups: -A ISTIO_OUTPUT -j RETURN`},
	{"", "--outbound-owner-groups-exclude=9,ftp", 6, `
+ outbound-owner-groups-exclude=9: -A ISTIO_OUTPUT -m owner --gid-owner 9 -j RETURN
+ outbound-owner-groups-exclude=ftp: -A ISTIO_OUTPUT -m owner --gid-owner 701 -j RETURN`},
	{"--outbound-owner-groups=9", "--outbound-owner-groups-exclude=8", 4, ""},
	{"", "-c eth+,wg0", 4, `
+ istio-exclude-interfaces=eth+: -A PREROUTING -i eth+ -j RETURN
+ istio-exclude-interfaces=eth+: -A OUTPUT -o eth+ -j RETURN
+ istio-exclude-interfaces=wg0: -A PREROUTING -i wg0 -j RETURN
+ istio-exclude-interfaces=wg0: -A OUTPUT -o wg0 -j RETURN`},
	{"-i *", "-k eth1,eth2", 4, `
+ kube-virt-interfaces=eth1: -I PREROUTING 1 -i eth1 -j RETURN
+ kube-virt-interfaces=eth2: -I PREROUTING 1 -i eth2 -j RETURN
+ kube-virt-interfaces=eth1: -I PREROUTING 1 -i eth1 -j ISTIO_REDIRECT
+ kube-virt-interfaces=eth2: -I PREROUTING 1 -i eth2 -j ISTIO_REDIRECT`},
	{"-i 10.0.0.0/8,10.9.0.0/16", "-k eth1,eth2", 4, `
+ kube-virt-interfaces=eth1: -I PREROUTING 1 -i eth1 -j RETURN
+ kube-virt-interfaces=eth2: -I PREROUTING 1 -i eth2 -j RETURN
+ kube-virt-interfaces=eth1: -I PREROUTING 1 -i eth1 -d 10.0.0.0/8 -j ISTIO_REDIRECT
+ kube-virt-interfaces=eth2: -I PREROUTING 1 -i eth2 -d 10.0.0.0/8 -j ISTIO_REDIRECT
+ kube-virt-interfaces=eth1: -I PREROUTING 1 -i eth1 -d 10.9.0.0/16 -j ISTIO_REDIRECT
+ kube-virt-interfaces=eth2: -I PREROUTING 1 -i eth2 -d 10.9.0.0/16 -j ISTIO_REDIRECT`},
	{"", "--loopback-cidr=127.0.0.1/8", 6, ""},
	{"", "--loopback-cidr=127.0.0.1/8", 4, `
- proxy-uid=1337: -A ISTIO_OUTPUT -o lo ! -d 127.0.0.1/32 -p tcp ! --dport 15008 -m owner --uid-owner 1337 -j ISTIO_IN_REDIRECT
- proxy-gid=1337: -A ISTIO_OUTPUT -o lo ! -d 127.0.0.1/32 -p tcp ! --dport 15008 -m owner --gid-owner 1337 -j ISTIO_IN_REDIRECT
- loopback-cidr=127.0.0.1/32: -A ISTIO_OUTPUT -d 127.0.0.1/32 -j RETURN
+ proxy-uid=1337: -A ISTIO_OUTPUT -o lo ! -d 127.0.0.1/8 -p tcp ! --dport 15008 -m owner --uid-owner 1337 -j ISTIO_IN_REDIRECT
+ proxy-gid=1337: -A ISTIO_OUTPUT -o lo ! -d 127.0.0.1/8 -p tcp ! --dport 15008 -m owner --gid-owner 1337 -j ISTIO_IN_REDIRECT
+ loopback-cidr=127.0.0.1/8: -A ISTIO_OUTPUT -d 127.0.0.1/8 -j RETURN`},
	// A name server of the other family only: the zones of the proxy's own questions, but no capture.
	{"-u 1 -g 2", "--redirect-dns --dns-server=10.0.0.53", 6, `
- proxy-uid=1: -A ISTIO_OUTPUT -o lo ! -d ::1/128 -p tcp ! --dport 15008 -m owner --uid-owner 1 -j ISTIO_IN_REDIRECT
- proxy-uid=1: -A ISTIO_OUTPUT -o lo -m owner ! --uid-owner 1 -j RETURN
- proxy-gid=2: -A ISTIO_OUTPUT -o lo -m owner ! --gid-owner 2 -j RETURN
+ proxy-uid=1: -A ISTIO_OUTPUT -o lo ! -d ::1/128 -p tcp -m multiport ! --dports 53,15008 -m owner --uid-owner 1 -j ISTIO_IN_REDIRECT
+ proxy-uid=1: -A ISTIO_OUTPUT -o lo -p tcp ! --dport 53 -m owner ! --uid-owner 1 -j RETURN
+ proxy-gid=2: -A ISTIO_OUTPUT -o lo -p tcp ! --dport 53 -m owner ! --gid-owner 2 -j RETURN
+ redirect-dns: -A OUTPUT -j ISTIO_OUTPUT_DNS
+ proxy-uid=1: -A ISTIO_OUTPUT_DNS -p udp --dport 53 -m owner --uid-owner 1 -j CT --zone 1
+ proxy-uid=1: -A ISTIO_OUTPUT_DNS -p udp --sport 15053 -m owner --uid-owner 1 -j CT --zone 2
+ proxy-gid=2: -A ISTIO_OUTPUT_DNS -p udp --dport 53 -m owner --gid-owner 2 -j CT --zone 1
+ proxy-gid=2: -A ISTIO_OUTPUT_DNS -p udp --sport 15053 -m owner --gid-owner 2 -j CT --zone 2`},
	{"--redirect-dns --dns-server=10.0.0.53", "--dns-server=10.0.0.54", 4, `
+ dns-server=10.0.0.54: -A ISTIO_OUTPUT_DNS -p tcp --dport 53 -d 10.0.0.54/32 -j REDIRECT --to-ports 15053
+ dns-server=10.0.0.54: -A ISTIO_OUTPUT_DNS -p udp --dport 53 -d 10.0.0.54/32 -j REDIRECT --to-port 15053
+ dns-server=10.0.0.54: -A ISTIO_OUTPUT_DNS -p udp --dport 53 -d 10.0.0.54/32 -j CT --zone 2
+ dns-server=10.0.0.54: -A ISTIO_INBOUND -p udp --sport 53 -s 10.0.0.54/32 -j CT --zone 1`},
	{"--redirect-dns --dns-server=10.0.0.53", "--capture-all-dns", 4, `
- dns-server=10.0.0.53: -A ISTIO_OUTPUT_DNS -p tcp --dport 53 -d 10.0.0.53/32 -j REDIRECT --to-ports 15053
- dns-server=10.0.0.53: -A ISTIO_OUTPUT_DNS -p udp --dport 53 -d 10.0.0.53/32 -j REDIRECT --to-port 15053
- dns-server=10.0.0.53: -A ISTIO_OUTPUT_DNS -p udp --dport 53 -d 10.0.0.53/32 -j CT --zone 2
- dns-server=10.0.0.53: -A ISTIO_INBOUND -p udp --sport 53 -s 10.0.0.53/32 -j CT --zone 1
+ capture-all-dns: -A ISTIO_OUTPUT_DNS -p tcp --dport 53 -j REDIRECT --to-ports 15053
+ capture-all-dns: -A ISTIO_OUTPUT_DNS -p udp --dport 53 -j REDIRECT --to-port 15053
+ capture-all-dns: -A ISTIO_OUTPUT_DNS -p udp --dport 53 -j CT --zone 2
+ capture-all-dns: -A ISTIO_INBOUND -p udp --sport 53 -j CT --zone 1`},
	{"", "--capture-all-dns --dns-server=10.0.0.53", 4, ""},
	{"", "--drop-invalid", 6, `
+ drop-invalid: -A PREROUTING -m conntrack --ctstate INVALID -j ISTIO_DROP
+ drop-invalid: -A ISTIO_DROP -j DROP`},
	// TPROXY without inbound ports captures nothing, but the marks are there, as in Istio's iptables backend.
	{"", "-m TPROXY", 6, `
+ istio-inbound-tproxy-mark=1337: -A PREROUTING -p tcp -m mark --mark 1337 -j CONNMARK --save-mark
+ istio-inbound-tproxy-mark=1337: -A OUTPUT -p tcp -o lo -m mark --mark 1337 -j RETURN
+ proxy-uid=1337: -A OUTPUT ! -d ::1/128 -p tcp -o lo -m owner --uid-owner 1337 -j MARK --set-mark 1338
+ proxy-gid=1337: -A OUTPUT ! -d ::1/128 -p tcp -o lo -m owner --gid-owner 1337 -j MARK --set-mark 1338
+ istio-inbound-tproxy-mark=1337: -A OUTPUT -p tcp -m connmark --mark 1337 -j CONNMARK --restore-mark
+ istio-inbound-tproxy-mark=1337: -I ISTIO_INBOUND 1 -p tcp -m mark --mark 1337 -j RETURN
+ inbound-passthrough: -I ISTIO_INBOUND 2 -p tcp -s ::6/128 -i lo -j RETURN
+ istio-inbound-interception-mode=TPROXY: -I ISTIO_INBOUND 3 -p tcp -i lo -m mark ! --mark 1338 -j RETURN`},
	{"-m TPROXY", "-b 80,90:99", 4, `
+ istio-inbound-tproxy-mark=1337: -A ISTIO_DIVERT -j MARK --set-mark 1337
+ istio-inbound-tproxy-mark=1337: -A ISTIO_DIVERT -j ACCEPT
+ inbound-capture-port=15006: -A ISTIO_TPROXY ! -d 127.0.0.1/32 -p tcp -j TPROXY --tproxy-mark 1337/0xffffffff --on-port 15006
+ istio-inbound-ports: -A PREROUTING -p tcp -j ISTIO_INBOUND
+ istio-inbound-ports=80: -A ISTIO_INBOUND -p tcp --dport 80 -m conntrack --ctstate RELATED,ESTABLISHED -j ISTIO_DIVERT
+ istio-inbound-ports=80: -A ISTIO_INBOUND -p tcp --dport 80 -j ISTIO_TPROXY
+ istio-inbound-ports=90:99: -A ISTIO_INBOUND -p tcp --dport 90:99 -m conntrack --ctstate RELATED,ESTABLISHED -j ISTIO_DIVERT
+ istio-inbound-ports=90:99: -A ISTIO_INBOUND -p tcp --dport 90:99 -j ISTIO_TPROXY`},
	{"-m TPROXY -b *", "-d 90", 4, `
+ istio-local-exclude-ports=90: -A ISTIO_INBOUND -p tcp --dport 90 -j RETURN`},
	{"-b *", "--dry-run --skip-rule-apply --run-validation --iptables-probe-port=9 --probe-timeout=1s --cleanup-only --reconcile " +
		"--force-apply --native-nftables --cni-mode --force-iptables-binary=nft --network-namespace=x --table-prefix=y --dual-stack", 4, ""},
}

func TestSingleOptions(t *testing.T) {
	for _, test := range single {
		t.Run(strings.TrimSpace(test.with+" "+test.flags), func(t *testing.T) {
			with := append(strings.Fields(test.with), "--ipv6=on")
			before := keyed(resolved(t, pod, with...).Lines(test.family))
			after := keyed(resolved(t, pod, append(with, strings.Fields(test.flags)...)...).Lines(test.family))
			var changes []string
			for _, l := range minus(before, after) {
				changes = append(changes, "- "+l)
			}
			for _, l := range minus(after, before) {
				changes = append(changes, "+ "+l)
			}
			want := strings.FieldsFunc(test.want, func(r rune) bool { return r == '\n' })
			if !slices.Equal(changes, want) {
				t.Error(cmp.Diff(want, changes))
			}
		})
	}
}

func keyed(lines []Line) []string {
	text := make([]string, len(lines))
	for i, l := range lines {
		text[i] = l.Key + ": " + l.String()
	}
	return text
}

func minus(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(l string) bool { return slices.Contains(b, l) })
}

// A group whose name is not one word goes into the restore text by its number.
func TestGroupWithSpaces(t *testing.T) {
	m := pod
	m.groups = map[string]string{"domain users": "5000"}
	p := resolved(t, m, "--outbound-owner-groups-exclude=domain users", "--ipv6=off")
	if text := restore(t, p, iptables.IPv4); !strings.Contains(text, "-m owner --gid-owner 5000 -j RETURN\n") {
		t.Error(text)
	}
}
