package kernel

import (
	"testing"

	"rechain/nft/bytecode"
	"rechain/nft/kernel/testlab"
)

const benchRules = 10000

// BenchmarkEncode is what a batch costs before the kernel sees it.
func BenchmarkEncode(b *testing.B) {
	table := manyRules(benchRules)
	b.ReportAllocs()
	for b.Loop() {
		var batch Batch
		batch.AddAll(table, nil)
		b.SetBytes(int64(batch.Size()))
	}
}

// BenchmarkWrite replaces a table of 10,000 rules by another.
func BenchmarkWrite(b *testing.B) {
	c := isolatedConn(b)
	table := manyRules(benchRules)
	b.ReportAllocs()
	for b.Loop() {
		var batch Batch
		batch.AddTable(table)
		batch.DeleteTable(table.Family, table.Name)
		batch.AddAll(table, nil)
		commit(b, c, &batch)
	}
}

// BenchmarkRead reads 10,000 rules.
func BenchmarkRead(b *testing.B) {
	c := isolatedConn(b)
	var batch Batch
	batch.AddAll(manyRules(benchRules), nil)
	commit(b, c, &batch)
	b.ReportAllocs()
	for b.Loop() {
		ruleset(b, c)
	}
}

// BenchmarkSmall is all that a run of the program does with the kernel: connect, read, replace a table of 30 rules in that very
// generation, disconnect.
func BenchmarkSmall(b *testing.B) {
	testlab.Isolate(b)
	table := manyRules(30)
	b.ReportAllocs()
	for b.Loop() {
		c, err := Dial(nil)
		if err != nil {
			b.Fatal(err)
		}
		err = c.Update(nil, func(rs *bytecode.Ruleset) (*Batch, error) {
			batch := new(Batch)
			for _, t := range rs.Tables {
				batch.DeleteTable(t.Family, t.Name)
			}
			batch.AddAll(table, nil)
			return batch, nil
		})
		if err != nil {
			b.Fatal(err)
		}
		c.Close()
	}
}
