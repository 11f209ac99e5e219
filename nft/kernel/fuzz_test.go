package kernel

import (
	"testing"

	"rechain/nft/bytecode"
)

// FuzzRead gives every reader any message. They may refuse it, or make nothing of it.
func FuzzRead(f *testing.F) {
	var b Batch
	b.AddAll(sample(), nil)
	b.AddObject(bytecode.IPv4, "sample", &bytecode.Object{Name: "o", Type: bytecode.ObjectCtHelper, CtHelper: &bytecode.CtHelper{Helper: "ftp"}})
	b.AddFlowtable(bytecode.IPv4, "sample", &bytecode.Flowtable{Name: "f", Devices: []string{"lo", "eth*"}})
	for i := range b.notes {
		f.Add(b.message(i))
	}
	f.Fuzz(func(t *testing.T, datagram []byte) {
		for len(datagram) > 0 {
			m, rest, err := cutMessage(datagram)
			if err != nil {
				return
			}
			datagram = rest
			_ = m.err()
			m.extended()
			family, attrs := m.nfgenmsg()
			r := newReader(nil)
			r.current = &bytecode.Set{}
			for _, l := range append([]listing{tables, elements}, contents...) {
				_ = l.take(r, family, attrs)
			}
			_, _ = readStep(family, attrs)
		}
	})
}
