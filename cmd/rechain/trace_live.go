package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"rechain/nft/kernel"
	"rechain/nft/packet"
	"rechain/nft/trace"
	"rechain/nft/trace/live"
)

// send has the kernel take a packet its way, in a namespace of its own with the source's rules.
func (t *tracing) send(s *source, line *packet.Line) (*trace.Way, error) {
	rs, err := s.translate(translation{allowLossy: true}, t.source.talk)
	if err != nil {
		return nil, err
	}
	lab, err := live.Open(rs)
	if err != nil {
		return nil, kernelSays(err)
	}
	defer lab.Close()
	way, err := lab.Send(line)
	switch {
	case errors.Is(err, live.ErrNotSendable):
		return nil, usage(fmt.Errorf("trace --live: %w; leave --live out, or have it wait for one: --wait", err))
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, kernelSays(errors.New("trace --live: the kernel took the packet to no rule at all"))
	case err != nil:
		return nil, kernelSays(err)
	}
	return way, nil
}

// await waits for a packet where the rules are at work.
func (t *tracing) await(ctx context.Context, word string, line *packet.Line) (*trace.Way, error) {
	ns, err := kernel.OpenNamespace(t.namespace(word))
	if err != nil {
		return nil, kernelSays(err)
	}
	defer ns.Close()
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	fmt.Fprintf(t.source.talk, "waiting %s for a packet like this: %s\n", t.wait, line)
	way, err := live.Wait(ns, line, time.Now().Add(t.wait), ctx.Done())
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, no(fmt.Errorf("no such packet came in %s", t.wait))
	case errors.Is(err, live.ErrStopped):
		return nil, no(errors.New("interrupted; what marked the packet is taken away again"))
	case err != nil:
		return nil, kernelSays(err)
	}
	return way, nil
}
