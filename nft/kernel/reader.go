package kernel

import (
	"golang.org/x/sys/unix"

	"rechain/nft/bytecode"
)

// reader puts what the dumps list together. Things of tables that are not wanted are passed over.
type reader struct {
	keep    func(*bytecode.Table) bool
	rs      bytecode.Ruleset
	tables  map[place]*bytecode.Table
	chains  map[place]*bytecode.Chain
	left    int           // tables that are not wanted
	current *bytecode.Set // whose elements are listed

	last      place // the place of the last rule, and its chain: rules come chain by chain
	lastChain *bytecode.Chain
}

// place is a table, or with a name a chain of it.
type place struct {
	family      bytecode.Family
	table, name string
}

func newReader(keep func(*bytecode.Table) bool) *reader {
	return &reader{keep: keep, tables: map[place]*bytecode.Table{}, chains: map[place]*bytecode.Chain{}}
}

// find returns the table that attribute attr names, nil if it is not wanted.
func (r *reader) find(f bytecode.Family, attrs []byte, attr uint16) *bytecode.Table {
	name, _ := bytecode.FindAttr(attrs, attr)
	return r.tables[place{family: f, table: bytecode.Attr{Data: name}.String()}]
}

func (r *reader) table(f bytecode.Family, attrs []byte) error {
	t := &bytecode.Table{Family: f}
	for a, err := range bytecode.Attrs(attrs) {
		if err != nil {
			return err
		}
		switch a.Type {
		case unix.NFTA_TABLE_NAME:
			t.Name = a.String()
		case unix.NFTA_TABLE_FLAGS:
			t.Flags = a.U32()
		case nftaTableHandle:
			t.Handle = a.U64()
		case nftaTableUserdata:
			t.UserData = a.Bytes()
		case nftaTableOwner:
			t.Owner = a.U32()
		}
	}
	if r.keep != nil && !r.keep(t) {
		r.left++
		return nil
	}
	r.rs.Tables = append(r.rs.Tables, t)
	r.tables[place{family: f, table: t.Name}] = t
	return nil
}

func (r *reader) chain(f bytecode.Family, attrs []byte) error {
	t := r.find(f, attrs, unix.NFTA_CHAIN_TABLE)
	if t == nil {
		return nil
	}
	c := &bytecode.Chain{}
	var base bytecode.BaseChain
	for a, err := range bytecode.Attrs(attrs) {
		if err != nil {
			return err
		}
		switch a.Type {
		case unix.NFTA_CHAIN_NAME:
			c.Name = a.String()
		case unix.NFTA_CHAIN_HANDLE:
			c.Handle = a.U64()
		case unix.NFTA_CHAIN_HOOK:
			c.Base = &base
			if err := readHook(&base, a.Data); err != nil {
				return err
			}
		case unix.NFTA_CHAIN_TYPE:
			base.Type = a.String()
		case unix.NFTA_CHAIN_POLICY:
			base.Policy = bytecode.VerdictCode(a.U32())
		case unix.NFTA_CHAIN_COUNTERS:
			base.Counters, _ = bytecode.Decode("counter", a.Data).(*bytecode.Counter)
		case nftaChainFlags:
			c.Flags = a.U32()
		case nftaChainUserdata:
			c.UserData = a.Bytes()
		}
	}
	t.Chains = append(t.Chains, c)
	r.chains[place{f, t.Name, c.Name}] = c
	return nil
}

func readHook(base *bytecode.BaseChain, attrs []byte) error {
	for a, err := range bytecode.Attrs(attrs) {
		if err != nil {
			return err
		}
		switch a.Type {
		case unix.NFTA_HOOK_HOOKNUM:
			base.Hook = bytecode.Hook(a.U32())
		case unix.NFTA_HOOK_PRIORITY:
			base.Priority = int32(a.U32())
		case nftaHookDevs:
			if base.Devices, err = readDevices(a.Data); err != nil {
				return err
			}
		}
	}
	return nil
}

// readDevices reads a list of devices; see [Batch.devices].
func readDevices(attrs []byte) ([]string, error) {
	var names []string
	for a, err := range bytecode.Attrs(attrs) {
		switch {
		case err != nil:
			return nil, err
		case a.Type == nftaDeviceName:
			names = append(names, a.String())
		case a.Type == nftaDevicePrefix:
			names = append(names, a.String()+"*")
		}
	}
	return names, nil
}

func (r *reader) rule(f bytecode.Family, attrs []byte) error {
	table, _ := bytecode.FindAttr(attrs, unix.NFTA_RULE_TABLE)
	chain, _ := bytecode.FindAttr(attrs, unix.NFTA_RULE_CHAIN)
	c := r.chainOf(f, table, chain)
	if c == nil {
		return nil
	}
	rule := &bytecode.Rule{}
	for a, err := range bytecode.Attrs(attrs) {
		if err != nil {
			return err
		}
		switch a.Type {
		case unix.NFTA_RULE_HANDLE:
			rule.Handle = a.U64()
		case unix.NFTA_RULE_EXPRESSIONS:
			if rule.Program, err = bytecode.DecodeExpressions(a.Data); err != nil {
				return err
			}
		case unix.NFTA_RULE_USERDATA:
			rule.UserData = a.Bytes()
		}
	}
	c.Rules = append(c.Rules, rule)
	return nil
}

// chainOf finds a chain by names as they stand in a message: closed by a NUL.
func (r *reader) chainOf(f bytecode.Family, table, chain []byte) *bytecode.Chain {
	if r.lastChain != nil && r.last.family == f && sameName(r.last.table, table) && sameName(r.last.name, chain) {
		return r.lastChain
	}
	r.last = place{f, bytecode.Attr{Data: table}.String(), bytecode.Attr{Data: chain}.String()}
	r.lastChain = r.chains[r.last]
	return r.lastChain
}

func sameName(name string, attr []byte) bool {
	return len(attr) == len(name)+1 && string(attr[:len(name)]) == name
}
