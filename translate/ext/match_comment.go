package ext

import (
	"strconv"

	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// A comment matches every packet; its text becomes the rule's comment. 255 bytes is XT_MAX_COMMENT_LEN less the NUL.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name:    "comment",
		Options: []*iptables.OptionSpec{{Name: "--comment", Kind: iptables.String(255), Required: true}},
		Listing: listComment,
	},
	Limits: Limits{Lossy: "more than " + strconv.Itoa(CommentMax) + " bytes"},
	Lower: func(c *Context, m *iptables.Match) Cond {
		if len(m.Options[0].Value.(string)) > CommentMax {
			c.Lossy(m.Options[0].Pos, "comment", "shorten it", "is cut to the %d bytes that nftables keeps", CommentMax)
		}
		return All{}
	},
	Meaning: func(c *Context, m *iptables.Match) packet.Pred {
		return packet.All{}
	},
})

// CommentMax is the longest comment of a rule: its length and its NUL are counted in one byte, and NFT_USERDATA_MAXLEN is 256.
const CommentMax = 253
