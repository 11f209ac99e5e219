//go:build linux

package translate

import (
	"fmt"
	"maps"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"rechain/nft/kernel"
	"rechain/nft/kernel/testlab"
	"rechain/translate/ext"
	"rechain/translate/iptables"
)

// ethernetRules are what looks at the frame around a packet, which the devices of a [site] have none of.
var ethernetRules = []struct {
	name     string
	families []iptables.Family
	dump     string
}{
	{"mac", both, `*filter
-A INPUT -m mac --mac-source 02:00:00:aa:bb:01
-A INPUT -m mac ! --mac-source 02:00:00:aa:bb:01
-A INPUT -m mac --mac-source 02:00:00:aa:bb:02 -j DROP
-A INPUT -p udp -m mac ! --mac-source 02:00:00:aa:bb:02 -j RETURN
-A INPUT -m mac --mac-source 00:00:00:00:00:00
COMMIT
`}, {"pkttype", both, `*filter
-A INPUT -m pkttype --pkt-type unicast
-A INPUT -m pkttype --pkt-type multicast
-A INPUT -m pkttype ! --pkt-type broadcast
COMMIT
`}, {"cluster", both[:1], `*mangle
-A PREROUTING -m cluster --cluster-total-nodes 2 --cluster-local-node 1 --cluster-hash-seed 1
-A PREROUTING -m cluster --cluster-total-nodes 2 --cluster-local-node 2 --cluster-hash-seed 1
-A INPUT -m pkttype --pkt-type unicast
-A INPUT -m pkttype --pkt-type multicast
-A INPUT -m pkttype --pkt-type broadcast
COMMIT
`},
}

var both = []iptables.Family{iptables.IPv4, iptables.IPv6}

// ethernetHost is the address of the device.
const ethernetHost = "02:00:00:00:00:01"

// TestEthernet sends frames through rules of iptables and through their translation, and wants both to count the same.
func TestEthernet(t *testing.T) {
	testlab.Programs(t, "ip", "iptables-legacy-restore", "ip6tables-legacy-restore")
	testlab.Need(t, unix.Access("/dev/net/tun", unix.R_OK|unix.W_OK) == nil, "TAP devices (/dev/net/tun)")
	for _, rules := range ethernetRules {
		for _, f := range rules.families {
			t.Run(fmt.Sprintf("%s/IPv%d", rules.name, f), func(t *testing.T) {
				var sets [2]*iptables.Ruleset
				rs, err := iptables.Parse(strings.NewReader(rules.dump), rules.name, f, ext.Vocabulary)
				must(t, err)
				sets[f/6] = rs
				model, _ := Ruleset(sets[0], sets[1], Options{Counters: true, AllowLossy: true})
				j := &judges{legacy: newEthernet(t), native: newEthernet(t), tables: map[iptables.Family][]string{}}
				if out, err := j.restore(f, rules.dump); err != nil {
					t.Fatal(out)
				}
				j.program(t, model)
				sent := 0
				for _, from := range []string{"02:00:00:aa:bb:01", "02:00:00:aa:bb:02", "02:00:00:aa:bb:03"} {
					for _, to := range []string{ethernetHost, "01:00:5e:00:00:01", "ff:ff:ff:ff:ff:ff"} {
						sent++
						p := start("in", f)
						p.length = sent
						for _, s := range []*site{j.legacy, j.native} {
							_, err := unix.Write(s.devices["eth0"], etherFrame(t, to, from, &p))
							must(t, err)
						}
					}
				}
				want, got := j.counts(t, sets, model)
				for range 20 { // until the last is through
					if len(want) > 0 && maps.Equal(want, got) {
						break
					}
					time.Sleep(20 * time.Millisecond)
					want, got = j.counts(t, sets, model)
				}
				t.Logf("by line, packets and bytes: %v", want)
				if len(want) == 0 || !maps.Equal(want, got) {
					t.Errorf("iptables counts %v, and we %v:\n%s\n%s", want, got, rules.dump, textOf(t, model))
				}
			})
		}
	}
}

// newEthernet is a site with one device, of Ethernet.
func newEthernet(t *testing.T) *site {
	t.Helper()
	s := &site{ns: newNamespace(t), devices: map[string]int{}}
	must(t, s.ns.Do(func() error {
		if err := setKnobs("all", "default"); err != nil {
			return err
		}
		fd, err := openTUN("eth0", unix.IFF_TAP)
		if err != nil {
			return err
		}
		s.devices["eth0"] = fd
		cmd := exec.Command("ip", "-batch", "-")
		cmd.Stdin = strings.NewReader("link set eth0 address " + ethernetHost + "\naddr add 10.1.0.1/16 dev eth0\n" +
			"addr add fd01::1/64 dev eth0 nodad\nlink set eth0 up\n")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("ip: %w: %s", err, out)
		}
		return nil
	}))
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) { // the kernel notices late that the link is up
		local, err := s.run("", "ip", "-6", "route", "show", "table", "local")
		must(t, err)
		if strings.Contains(local, "fd01::1 ") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("eth0 does not come up: %s", local)
		}
	}
	var err error
	s.conn, err = kernel.Dial(s.ns)
	must(t, err)
	t.Cleanup(func() {
		s.conn.Close()
		unix.Close(s.devices["eth0"])
	})
	return s
}

// etherFrame is a packet in a frame.
func etherFrame(t *testing.T, to, from string, p *probe) []byte {
	t.Helper()
	var frame []byte
	for _, address := range []string{to, from} {
		mac, err := net.ParseMAC(address)
		must(t, err)
		frame = append(frame, mac...)
	}
	if p.family() == iptables.IPv6 {
		frame = append(frame, 0x86, 0xdd)
	} else {
		frame = append(frame, 0x08, 0x00)
	}
	return append(frame, p.frame()...)
}
