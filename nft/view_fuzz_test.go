package nft

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"testing"

	"rechain/nft/bytecode"
)

// FuzzViews prints whatever a kernel may hold: no program makes the views fall over or print JSON that is none.
func FuzzViews(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		data := make([]byte, 3+r.IntN(60))
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		f.Add(data)
	}
	families := []Family{IPv4, IPv6, Inet, Bridge, Netdev, Arp}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) == 0 {
			return
		}
		b := *fuzzTable
		b.Family = families[int(data[0])%len(families)]
		b.Chains = []*bytecode.Chain{{Name: "c", Rules: []*bytecode.Rule{{Program: fuzzProgram(data[1:])}}}}
		rs := &Ruleset{Tables: []*Table{RaiseTable(&b)}}
		var text, js bytes.Buffer
		if err := WriteText(&text, rs, TextOptions{}); err != nil {
			t.Fatal(err)
		}
		if err := WriteJSON(&js, rs, JSONOptions{}); err != nil || !json.Valid(js.Bytes()) {
			t.Fatalf("%v: %s", err, js.String())
		}
	})
}
