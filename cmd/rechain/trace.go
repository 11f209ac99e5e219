package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rechain/nft/meaning"
	"rechain/nft/packet"
	"rechain/nft/trace"
)

const packetHelp = `A PACKET is a line, in quotes or as words of its own:

  tcp 10.0.0.2:4000 > 10.0.0.1:80 iif=eth0
  out udp 10.0.0.1:5353 to 224.0.0.251:5353 uid=1337 mark=0x1
  forward tcp [2001:db8::1]:4000 > [2001:db8::2]:443 iif=eth0 oif=eth1 ct=established
  in icmp 1.2.3.4 > 10.0.0.1 type=8 ttl=1

It is received (in), forwarded, sent (out), or sent by the host to itself (loop). "to" stands for ">", which a shell takes for itself.
Further words are fields: mark, uid, gid, socket, flags, ct, ct-mark, ct-status, type, code, ttl, dscp, length, frag, fib-daddr-type
and whatever else rules ask, by its name. What is not said is usual: a new connection, a TCP SYN, 64 hops; what is sent comes from a
process of root. dnat=local or dnat=away says where a destination leads that a rule gives to the packet. A match that is no field stands
in quotes: "-m string --algo bm --string foo"=yes; it does not hold unless that is said.`

func newTrace() *cobra.Command {
	t := &tracing{}
	c := &cobra.Command{
		Use:   "trace SOURCE PACKET...",
		Short: "show one packet's way through a rule set",
		Long: `trace takes a packet through a rule set, and shows the rules that it meets, what they do, and what becomes of it.

With --live the kernel does so: the rules are loaded into a network namespace of its own, which has the devices and addresses that the packet
names, and the packet is sent there. With --wait nothing is sent: the next packet like this is marked that comes by where the rules of
"live" are at work. Its source port is any, unless it is named.

` + packetHelp + "\n\n" + sourceHelp,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) < 2 {
				return usage(fmt.Errorf("trace: takes a SOURCE and a PACKET; usage: %s", cmd.UseLine()))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			t.source.talk = cmd.ErrOrStderr()
			r, err := t.run(cmd, args[0], strings.Join(args[1:], " "))
			if err != nil {
				return err
			}
			return t.write(cmd.OutOrStdout(), r)
		},
	}
	c.Flags().StringVarP(&t.format, "output", "o", "text", "print as text or json")
	c.Flags().BoolVar(&t.all, "all", false, "show also rules that the packet meets and that do not take it, and what they want")
	c.Flags().BoolVar(&t.live, "live", false, "have the kernel take the packet its way, in a network namespace made for it that holds the same rules")
	c.Flags().DurationVar(&t.wait, "wait", 0, "wait for such a packet in the namespace of \"live\", and show the way that the kernel takes it; a minute, or --wait=DURATION")
	c.Flags().Lookup("wait").NoOptDefVal = "1m"
	c.MarkFlagsMutuallyExclusive("live", "wait")
	c.MarkFlagsMutuallyExclusive("live", "all")
	c.MarkFlagsMutuallyExclusive("wait", "all")
	c.Flags().StringVar(&t.source.netns, "netns", "", "network namespace of \"live\": a name, a path or a process id")
	t.source.bind(c)
	return c
}

// tracing is what trace was told.
type tracing struct {
	source sourceOptions
	format string
	all    bool
	live   bool
	wait   time.Duration // 0: not
}

// namespace is the one that a word names, if it is of the kernel.
func (t *tracing) namespace(word string) string {
	if ns, ok := strings.CutPrefix(word, "live:"); ok {
		return ns
	}
	return t.source.netns
}

func (t *tracing) run(cmd *cobra.Command, word, text string) (*trace.Report, error) {
	if t.format != "text" && t.format != "json" {
		return nil, usage(fmt.Errorf("-o %s: trace prints text or json", t.format))
	}
	if live := word == "live" || strings.HasPrefix(word, "live:"); t.wait != 0 && !live {
		return nil, usage(fmt.Errorf("trace --wait: packets come by where rules are at work: SOURCE must be live or live:NETNS, not %s", word))
	}
	t.source.partly = true
	s, err := readSource([]string{word}, t.source)
	if err != nil {
		return nil, err
	}
	v4, v6, err := s.programs(t.source.talk)
	if err != nil {
		return nil, err
	}
	if s.ruleset != nil {
		v4, v6 = meaning.RuleByRule(s.ruleset, false), meaning.RuleByRule(s.ruleset, true)
	}
	line, program, err := packetFor(text, v4, v6)
	if err != nil {
		return nil, err
	}
	var way *trace.Way
	switch {
	case t.live:
		way, err = t.send(s, line)
	case t.wait != 0:
		way, err = t.await(cmd.Context(), word, line)
	default:
		if way, err = trace.Through(program, line, t.all); err != nil {
			err = usage(err)
		}
	}
	if err != nil {
		return nil, err
	}
	return way.Report(), nil
}

// packetFor reads a packet for the program of its family, whose fields and opaque predicates it may name.
func packetFor(text string, v4, v6 *packet.Program) (*packet.Line, *packet.Program, error) {
	var fields []packet.Field
	keys := map[string]bool{}
	for _, p := range []*packet.Program{v4, v6} {
		if p != nil {
			fields = append(fields, trace.Asks(p, keys)...)
		}
	}
	line, err := packet.ParseLine(text, fields...)
	if err != nil {
		return nil, nil, usage(err)
	}
	program := v4
	if line.IPv6 {
		program = v6
	}
	if program == nil {
		return nil, nil, usage(fmt.Errorf("packet: is of %s, and the source has no rules of that family", familyOf(line)))
	}
	var unknown error
	for key := range line.Packet.Opaque {
		if !keys[key] {
			unknown = errors.Join(unknown, usage(fmt.Errorf("packet: no rule asks %q", key)))
		}
	}
	return line, program, unknown
}

func familyOf(l *packet.Line) string {
	if l.IPv6 {
		return "IPv6"
	}
	return "IPv4"
}

func (t *tracing) write(w io.Writer, r *trace.Report) error {
	if t.format == "json" {
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	return r.Write(w)
}
