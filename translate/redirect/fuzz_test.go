package redirect

import (
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"rechain/translate/ext"
	"rechain/translate/iptables"
)

// FuzzResolve: whatever Resolve takes, the parser of rules takes too, and the restore text has a line for each rule.
func FuzzResolve(f *testing.F) {
	f.Add("80,8000-8010", "10.0.0.0/8,2001:db8::/32", "eth+", "java,9", "0x539", "127.0.0.1/8", "10.0.0.53,fd00::53")
	f.Add("*", "*", "", "*", "1337", "127.0.0.1", "")
	f.Add("1:65535,", "::ffff:1.2.3.4,0.0.0.0/0", "a b", "", "1", "127.0.0.1/32", "::")
	f.Fuzz(func(t *testing.T, ports, cidrs, interfaces, groups, mark, loopback, servers string) {
		c := Default()
		fs := pflag.NewFlagSet("redirect", pflag.ContinueOnError)
		c.Bind(fs)
		if err := fs.Parse([]string{"-m=TPROXY", "-b=" + ports, "-d=" + ports, "-q=" + ports, "-o=" + ports, "-i=" + cidrs, "-x=" + cidrs,
			"-c=" + interfaces, "-k=" + interfaces, "--outbound-owner-groups=" + groups, "-t=" + mark, "--loopback-cidr=" + loopback,
			"--redirect-dns", "--dns-server=" + servers, "--ipv6=on", "-u=" + ports}); err != nil {
			t.Fatal(err)
		}
		p, problems := c.Resolve(pod)
		if problems != nil {
			return
		}
		if _, _, problems := p.Rulesets(ext.Vocabulary); problems != nil {
			t.Error(problems)
		}
		for _, family := range []iptables.Family{iptables.IPv4, iptables.IPv6} {
			text := restore(t, p, family)
			if rules := strings.Count(text, "\n-A ") + strings.Count(text, "\n-I "); rules != len(p.Lines(family)) {
				t.Errorf("%d rules in\n%s", rules, text)
			}
		}
	})
}
