package e2e

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// choices are flags of a redirect and values that the connections of a file may tell apart; "" leaves the flag out.
var choices = []struct {
	flag   string
	values []string
}{
	{"-m", []string{"", "REDIRECT", "TPROXY"}},
	{"-b", []string{"", "*", "80", "80,8080:8099"}},
	{"-d", []string{"", "80", "8080,15020", "8000:9000"}},
	{"-i", []string{"", "*", "203.0.113.0/28,2001:db8::/64", "127.0.0.2/32", "0.0.0.0/1"}},
	{"-x", []string{"", "203.0.113.8/29,2001:db8::8/125", "10.0.0.0/8"}},
	{"-q", []string{"", "80", "8000:9000"}},
	{"-o", []string{"", "80", "8080:8090", "53"}},
	{"-u", []string{"", "1000", "1337,1338"}},
	{"-g", []string{"", "1000", "1337,1001"}},
	{"-e", []string{"", "80"}},
	{"-c", []string{"", "eth0", "lo", "vm+"}},
	{"-k", []string{"", "vm0"}},
	{"--loopback-cidr", []string{"", "127.0.0.0/8"}},
	{"--outbound-owner-groups", []string{"", "1000,1001", "1337"}},
	{"--outbound-owner-groups-exclude", []string{"", "1000", "1001,1002"}},
	{"--redirect-dns", []string{"", "true"}},
	{"--capture-all-dns", []string{"", "true"}},
	{"--drop-invalid", []string{"", "true"}},
	{"--ipv6", []string{"on", "off"}},
}

// agree makes the connections of a file under N random configurations, by rechain's rules and by Istio's own in iptables, and wants
// the same outcomes, whatever they are. What the file expects does not count. The configurations are those of SEED.
//
//	agree N SEED FILE
func (s *script) agree(args []string) {
	if len(args) != 3 {
		s.Fatalf("usage: agree N SEED FILE")
	}
	n, err := strconv.Atoi(args[0])
	s.Check(err)
	seed, err := strconv.ParseUint(args[1], 10, 64)
	s.Check(err)
	random := rand.New(rand.NewPCG(seed, 0))
	for range n {
		configuration := []string{"--dns-server=203.0.113.53", "--dns-server=2001:db8::53"}
		for _, c := range choices {
			if v := c.values[random.IntN(len(c.values))]; v != "" {
				configuration = append(configuration, c.flag+"="+v)
			}
		}
		us, iptables := s.outcomesBoth(args[2], configuration)
		for i := range us {
			if us[i].got != iptables[i].got {
				s.Fatalf("redirect %s:\n%s: by rechain %q, by iptables %q",
					strings.Join(configuration, " "), us[i].line, us[i].got, iptables[i].got)
			}
		}
		fmt.Fprintln(s.Stderr(), strings.Join(configuration, " "))
	}
}
