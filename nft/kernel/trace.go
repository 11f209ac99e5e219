package kernel

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"rechain/nft/bytecode"
)

// ErrLost says that packets were traced faster than they were read, and that steps are missing. Receiving can go on.
var ErrLost = errors.New("trace steps were lost; trace fewer packets")

// traceBuffer is the room for steps that wait to be read, which the kernel bounds by net.core.rmem_max for those who lack
// CAP_NET_ADMIN in the initial user namespace.
const traceBuffer = 4 << 20

// Tracer receives what the rules of one network namespace do with packets whose nftrace mark is set.
type Tracer struct {
	conn    *Conn
	pending []Step
}

// DialTrace listens to the traces (NFNLGRP_NFTRACE) of a namespace, nil for the current one.
func DialTrace(ns *Namespace) (*Tracer, error) {
	c, err := Dial(ns)
	if err != nil {
		return nil, err
	}
	if err := c.nl.SetReadBuffer(traceBuffer); err != nil {
		c.Close()
		return nil, fmt.Errorf("listen to traces: %w", err)
	}
	if err := c.nl.JoinGroup(unix.NFNLGRP_NFTRACE); err != nil {
		c.Close()
		if errors.Is(err, unix.EPERM) {
			err = fmt.Errorf("%w; %s", err, needsAdmin)
		}
		return nil, fmt.Errorf("listen to traces: %w", err)
	}
	return &Tracer{conn: c}, nil
}

// Close stops listening.
func (t *Tracer) Close() error { return t.conn.Close() }

// Receive returns the next step. It fails with [os.ErrDeadlineExceeded] when there is none until the deadline, zero for no
// deadline, and with [ErrLost] where steps are missing.
func (t *Tracer) Receive(deadline time.Time) (Step, error) {
	for len(t.pending) == 0 {
		if err := t.conn.nl.SetReadDeadline(deadline); err != nil {
			return Step{}, err
		}
		in, err := t.conn.receive(true)
		switch {
		case errors.Is(err, unix.ENOBUFS):
			return Step{}, ErrLost
		case errors.Is(err, os.ErrDeadlineExceeded):
			return Step{}, os.ErrDeadlineExceeded
		case err != nil:
			return Step{}, err
		}
		for len(in) > 0 {
			var m message
			if m, in, err = cutMessage(in); err != nil {
				return Step{}, err
			}
			if m.typ != nftType(unix.NFT_MSG_TRACE) {
				continue
			}
			s, err := readStep(m.nfgenmsg())
			if err != nil {
				return Step{}, err
			}
			t.pending = append(t.pending, s)
		}
	}
	s := t.pending[0]
	t.pending = t.pending[1:]
	return s, nil
}

// StepType says what a [Step] is about (enum nft_trace_types).
type StepType uint32

// The types.
const (
	StepPolicy StepType = 1 // the packet got to the end of a base chain, whose policy then holds
	StepReturn StepType = 2 // a rule said Return, or the packet got to the end of a chain, which is told as Continue
	StepRule   StepType = 3 // the packet matched a rule to its end; without a verdict of its own the rule says Continue
)

// Step is one event of a packet's way through the rules (nft_trace_notify in net/netfilter/nf_tables_trace.c). A rule that the
// packet does not match has none.
type Step struct {
	// ID is the packet's: all of its steps have it, but after a while, or by chance, so have those of another.
	ID     uint32
	Type   StepType
	Family bytecode.Family // of the table
	Table  string
	Chain  string
	Rule   uint64 // the rule's handle, 0 for a policy and the end of a chain
	// Verdict is what the rule or return said, nil for a policy.
	Verdict *bytecode.Verdict
	Policy  bytecode.VerdictCode // StepPolicy only

	// NFProto is the family of the hook that the packet is at: IPv4 or IPv6 in an inet table.
	NFProto  bytecode.Family
	Mark     uint32 // as it was at this step
	Iif, Oif uint32 // indexes of the devices, 0 for none
	IifType  uint16 // ARPHRD_* of Iif
	OifType  uint16
	CtState  uint32 // the connection tracking state, as "ct state" loads it; 0 if the kernel does not tell

	// The headers are the packet's own bytes, cut after 20, 40 and 20 bytes (NFT_TRACETYPE_LL_HSIZE and so on). Only the
	// first step in each base chain has them, as it alone has the devices and the state.
	Link, Network, Transport []byte
}

func readStep(family bytecode.Family, attrs []byte) (Step, error) {
	s := Step{Family: family}
	for a, err := range bytecode.Attrs(attrs) {
		if err != nil {
			return s, err
		}
		switch a.Type {
		case unix.NFTA_TRACE_ID:
			s.ID = a.U32()
		case unix.NFTA_TRACE_TYPE:
			s.Type = StepType(a.U32())
		case unix.NFTA_TRACE_TABLE:
			s.Table = a.String()
		case unix.NFTA_TRACE_CHAIN:
			s.Chain = a.String()
		case unix.NFTA_TRACE_RULE_HANDLE:
			s.Rule = a.U64()
		case unix.NFTA_TRACE_VERDICT:
			s.Verdict = readVerdict(a)
		case unix.NFTA_TRACE_POLICY:
			s.Policy = bytecode.VerdictCode(a.U32())
		case unix.NFTA_TRACE_NFPROTO:
			s.NFProto = bytecode.Family(a.U32())
		case unix.NFTA_TRACE_MARK:
			s.Mark = a.U32()
		case unix.NFTA_TRACE_IIF:
			s.Iif = a.U32()
		case unix.NFTA_TRACE_OIF:
			s.Oif = a.U32()
		case unix.NFTA_TRACE_IIFTYPE:
			s.IifType = a.U16()
		case unix.NFTA_TRACE_OIFTYPE:
			s.OifType = a.U16()
		case nftaTraceCtState:
			s.CtState = a.U32()
		case unix.NFTA_TRACE_LL_HEADER:
			s.Link = a.Bytes()
		case unix.NFTA_TRACE_NETWORK_HEADER:
			s.Network = a.Bytes()
		case unix.NFTA_TRACE_TRANSPORT_HEADER:
			s.Transport = a.Bytes()
		}
	}
	// Kernels (seen on 6.18) tell the end of a chain as a rule, one without a handle.
	if s.Type == StepRule && s.Rule == 0 {
		s.Type = StepReturn
	}
	return s, nil
}

// readVerdict reads NFTA_TRACE_VERDICT, which holds the verdict's attributes without the NFTA_DATA_VERDICT around them.
func readVerdict(a bytecode.Attr) *bytecode.Verdict {
	_, v, _ := bytecode.DecodeData(bytecode.AppendBytes(nil, unix.NFTA_DATA_VERDICT, a.Data))
	return v
}
