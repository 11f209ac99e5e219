package bytecode

import "fmt"

// Ct reads conntrack data into Dst, or writes it from Src when Set (nft_ct.c). Dir is 0 original, 1 reply.
type Ct struct {
	Key      CtKey
	HasDir   bool
	Dir      uint8
	Dst, Src Reg
	Set      bool
}

// enum nft_ct_attributes.
const (
	nftaCtDreg      = 1
	nftaCtKey       = 2
	nftaCtDirection = 3
	nftaCtSreg      = 4
)

var ctDirNames = []string{"original", "reply"}

func (o *Ct) Name() string { return "ct" }
func (o *Ct) String() string {
	s := fmt.Sprintf("ct load %s => reg %d", o.Key, o.Dst)
	if o.Set {
		s = fmt.Sprintf("ct set %s with reg %d", o.Key, o.Src)
	}
	if o.HasDir {
		s += " , dir " + nameOf(ctDirNames, o.Dir)
	}
	return s
}

func (o *Ct) appendAttrs(b []byte) []byte {
	b = AppendU32(b, nftaCtKey, uint32(o.Key))
	if !o.Set {
		b = appendReg(b, nftaCtDreg, o.Dst)
	}
	if o.HasDir {
		b = AppendU8(b, nftaCtDirection, o.Dir)
	}
	if o.Set {
		b = appendReg(b, nftaCtSreg, o.Src)
	}
	return b
}

func (o *Ct) take(a Attr) bool {
	switch a.Type {
	case nftaCtKey:
		return set32(a, &o.Key)
	case nftaCtDreg:
		return set32(a, &o.Dst)
	case nftaCtDirection:
		o.HasDir = true
		return set8(a, &o.Dir)
	case nftaCtSreg:
		o.Set = true
		return set32(a, &o.Src)
	}
	return false
}

// canonical drops the direction where the kernel ignores it (nft_ct_get_init takes it "for compatibility").
func (o *Ct) canonical() Op {
	c := *o
	if c.Key == CtL3proto || c.Key == CtProtocol {
		c.HasDir, c.Dir = false, 0
	}
	return &c
}

// Notrack keeps conntrack off the packet (nft_ct.c).
type Notrack struct{}

func (o *Notrack) Name() string                { return "notrack" }
func (o *Notrack) String() string              { return "notrack" }
func (o *Notrack) appendAttrs(b []byte) []byte { return b }
func (o *Notrack) take(Attr) bool              { return false }
