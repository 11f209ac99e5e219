package redirect

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestYAML(t *testing.T) {
	c := from(t, nil, nil, `
# A sidecar.
istio-inbound-ports: "*"
istio-local-exclude-ports: [15090, 8000-8010, "15021"]
istio-service-cidr:
  - 10.0.0.0/8
  - 2001:db8::/32
istio-outbound-ports: 80,443
istio-inbound-tproxy-mark: 0x539
proxy-uid: 1337
redirect-dns: true
ipv6: on
probe-timeout: 2s
kube-virt-interfaces: &nics [eth1, eth2]
istio-exclude-interfaces: *nics
`)
	want := Default()
	want.InboundPorts = []string{"*"}
	want.InboundPortsExclude = []string{"15090", "8000-8010", "15021"}
	want.OutboundCIDRs = []string{"10.0.0.0/8", "2001:db8::/32"}
	want.OutboundPorts = []string{"80", "443"}
	want.TProxyMark = "0x539"
	want.ProxyUID = []string{"1337"}
	want.RedirectDNS = true
	want.IPv6 = "on"
	want.ProbeTimeout = 2 * time.Second
	want.VirtualInterfaces = []string{"eth1", "eth2"}
	want.ExcludeInterfaces = []string{"eth1", "eth2"}
	for _, o := range options {
		if diff := cmp.Diff((&flagValue{&want, o}).String(), (&flagValue{c, o}).String()); diff != "" {
			t.Errorf("%s: %s", o.name, diff)
		}
	}
}

func TestWrongYAML(t *testing.T) {
	for _, test := range []struct{ name, file, want string }{
		{"syntax", "proxy-uid: [1", `f.yaml:1: did not find expected ',' or ']'`},
		{"plain star", "proxy-uid: 1\nistio-inbound-ports: *\n", `f.yaml:2: did not find expected alphabetic or numeric character; write "*" in quotes`},
		{"not a mapping", "- a", "f.yaml:1:1: not a mapping; write one option a line, as in: proxy-uid: 1337"},
		{"text", "proxy-uid", "f.yaml:1:1: not a mapping; write one option a line, as in: proxy-uid: 1337"},
		{"two documents", "proxy-uid: 1\n---\nproxy-gid: 2", "f.yaml:2:1: a second document; put everything into one"},
		{"unknown and misplaced keys", "proxy_uid: 1\nconfig: x\nproxy-uid: 1\nproxy-uid: 2\n", `
f.yaml:1:1: proxy_uid: no such option; keys are the long flags of rechain redirect
f.yaml:2:1: config: has no meaning in a file; use the flag
f.yaml:4:1: proxy-uid: given before, in line 3; keep one`},
		{"types", `redirect-dns: "true"
capture-all-dns: yes
drop-invalid: 1
envoy-port: [15001]
loopback-cidr: {}
istio-inbound-ports: 8.5
istio-outbound-ports:
probe-timeout: 5
proxy-uid: [1, true]
proxy-gid: [[1]]
table-prefix: ~
dns-server: {a: b}
`, `
f.yaml:1:15: redirect-dns: is "true", not true or false
f.yaml:2:18: capture-all-dns: is "yes", not true or false
f.yaml:3:15: drop-invalid: is 1, not true or false
f.yaml:4:13: envoy-port: is a list, not a text or a number
f.yaml:5:16: loopback-cidr: is a mapping, not a text or a number
f.yaml:6:22: istio-inbound-ports: is 8.5, not a list, or a text with commas
f.yaml:7:22: istio-outbound-ports: is empty, not a list, or a text with commas
f.yaml:8:16: probe-timeout: "5" is not a duration such as 5s
f.yaml:9:16: proxy-uid: an entry is true, not a text or a number
f.yaml:10:13: proxy-gid: an entry is a list, not a text or a number
f.yaml:11:15: table-prefix: is empty, not a text or a number
f.yaml:12:13: dns-server: is a mapping, not a list, or a text with commas`},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := Default()
			told(t, c.FromYAML(strings.NewReader(test.file), "f.yaml"), test.want)
		})
	}
}

func TestEmptyYAML(t *testing.T) {
	for _, file := range []string{"", "# nothing\n", "---\n", "{}"} {
		c := Default()
		if problems := c.FromYAML(strings.NewReader(file), "f.yaml"); problems != nil {
			t.Errorf("%q: %v", file, problems)
		}
	}
}

func FuzzYAML(f *testing.F) {
	f.Add("istio-inbound-ports: [80, '*']\nprobe-timeout: 5s\n")
	f.Add("a: &x [1]\nproxy-uid: *x\n")
	f.Fuzz(func(t *testing.T, file string) {
		c := Default()
		c.FromYAML(strings.NewReader(file), "f.yaml")
	})
}
