package nft

import (
	"strings"

	"rechain/nft/bytecode"
)

func (n *plainNode) text(p *textPrinter) {
	switch op := n.op.(type) {
	case *bytecode.Limit:
		p.WriteString("limit rate ")
		p.limit(op)
	case *bytecode.Log:
		p.log(op)
	case *bytecode.Notrack:
		p.WriteString("notrack")
	case *bytecode.Quota:
		p.WriteString("quota ")
		p.quota(op)
	case *bytecode.Connlimit:
		p.WriteString("ct count ")
		if op.Flags != 0 { // NFT_CONNLIMIT_F_INV
			p.WriteString("over ")
		}
		p.printf("%d", op.Count)
	case *bytecode.Synproxy:
		p.WriteString("synproxy" + strings.Join(append([]string{""}, synproxyWords(op)...), " "))
	case *bytecode.Last:
		p.WriteString("last")
		if !p.stateless && op.Set != 0 {
			p.WriteString(" used " + durationText(op.Msecs))
		} else if !p.stateless {
			p.WriteString(" used never")
		}
	case *bytecode.FlowOffload:
		p.WriteString("flow add @" + op.Table)
	default:
		(&opaqueNode{[]bytecode.Op{n.op}}).text(p)
	}
}

// limit prints a rate and, where it is not the usual one, the burst.
func (p *textPrinter) limit(op *bytecode.Limit) {
	if op.Over {
		p.WriteString("over ")
	}
	if op.Type == limitBytes {
		p.printf("%s/%s", byteText(op.Rate), timeUnit(op.Unit))
		if op.Burst != 0 {
			p.WriteString(" burst " + byteText(uint64(op.Burst)))
		}
		return
	}
	p.printf("%d/%s", op.Rate, timeUnit(op.Unit))
	if op.Burst != 0 && op.Burst != defaultBurst {
		p.printf(" burst %d packets", op.Burst)
	}
}

// limitBytes is NFT_LIMIT_PKT_BYTES; defaultBurst is what nft leaves out.
const (
	limitBytes   = 1
	defaultBurst = 5
)

// quotaOver is NFT_QUOTA_F_INV.
const quotaOver = 1

func (p *textPrinter) quota(op *bytecode.Quota) {
	if op.Flags&quotaOver != 0 {
		p.WriteString("over ")
	}
	p.WriteString(byteText(op.Bytes))
	if !p.stateless && op.Consumed != 0 {
		p.WriteString(" used " + byteText(op.Consumed))
	}
}

func (p *textPrinter) log(op *bytecode.Log) {
	p.WriteString("log")
	if op.Prefix != "" {
		p.WriteString(" prefix " + quoted(op.Prefix))
	}
	if op.Group != nil {
		p.printf(" group %d", *op.Group)
	}
	if op.Snaplen != nil {
		p.printf(" snaplen %d", *op.Snaplen)
	}
	if op.QueueThreshold != nil {
		p.printf(" queue-threshold %d", *op.QueueThreshold)
	}
	if op.Level != nil && *op.Level != logWarning {
		p.WriteString(" level " + logLevel(*op.Level))
	}
	if op.Flags == nil {
		return
	}
	if *op.Flags&logAll == logAll {
		p.WriteString(" flags all")
		return
	}
	tcp := false
	for _, f := range logFlags {
		if *op.Flags&f.bit == 0 {
			continue
		}
		if word, isTCP := strings.CutPrefix(f.name, "tcp "); isTCP && tcp {
			p.WriteString("," + word)
			continue
		} else if isTCP {
			tcp = true
		}
		p.WriteString(" flags " + f.name)
	}
}

// synproxyWords are the options of synproxy in nft's order.
func synproxyWords(op *bytecode.Synproxy) (words []string) {
	if op.Flags&(synproxyMSS|synproxyWscale) != 0 {
		if op.Flags&synproxyMSS != 0 {
			words = append(words, literalNumber("mss ", uint32(op.MSS)))
		}
		if op.Flags&synproxyWscale != 0 {
			words = append(words, literalNumber("wscale ", uint32(op.Wscale)))
		}
	}
	if op.Flags&synproxyTimestamp != 0 {
		words = append(words, "timestamp")
	}
	if op.Flags&synproxySack != 0 {
		words = append(words, "sack-perm")
	}
	return words
}
