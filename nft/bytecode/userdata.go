package bytecode

import (
	"errors"
	"iter"
	"strings"
	"unicode/utf8"
)

// User data is what nft keeps beside tables, chains, rules, sets, elements and objects: triples of a type (1 byte), a length
// (1 byte) and that many bytes (libnftnl, struct nftnl_udata). The kernel stores up to 256 bytes of it (NFT_USERDATA_MAXLEN) and
// does not look inside.

// TLV is one entry of user data. Data points into the user data that was read.
type TLV struct {
	Type uint8
	Data []byte
}

// Types of entries. A comment is type 0 everywhere but in a set.
const (
	UserDataComment = 0 // NFTNL_UDATA_{TABLE,CHAIN,RULE,OBJ,SET_ELEM}_COMMENT

	UserDataSetKeyByteorder  = 0 // NFTNL_UDATA_SET_KEYBYTEORDER, 4 bytes in host order: 1 host, 2 network
	UserDataSetDataByteorder = 1 // NFTNL_UDATA_SET_DATABYTEORDER, the same
	UserDataSetMergeElements = 2 // NFTNL_UDATA_SET_MERGE_ELEMENTS, auto-merge: 4 bytes in host order
	UserDataSetKeyTypeof     = 3 // NFTNL_UDATA_SET_KEY_TYPEOF, nested
	UserDataSetDataTypeof    = 4 // NFTNL_UDATA_SET_DATA_TYPEOF, nested
	UserDataSetExpr          = 5 // NFTNL_UDATA_SET_EXPR
	UserDataSetDataInterval  = 6 // NFTNL_UDATA_SET_DATA_INTERVAL, 4 bytes in host order
	UserDataSetComment       = 7 // NFTNL_UDATA_SET_COMMENT

	UserDataElemFlags = 1 // NFTNL_UDATA_SET_ELEM_FLAGS, 4 bytes in host order: 1 the interval has no end
)

// MaxComment is the longest comment in bytes: what is left of 256 bytes of user data after its header and the NUL. nft(8) itself
// refuses to write more than 128 (NFTNL_UDATA_COMMENT_MAXLEN) but reads them.
const MaxComment = 253

// ErrUserData says that user data ends in the middle of an entry.
var ErrUserData = errors.New("broken user data")

// UserData yields the entries of user data in order; broken data ends it with [ErrUserData].
func UserData(b []byte) iter.Seq2[TLV, error] {
	return func(yield func(TLV, error) bool) {
		for len(b) > 0 {
			if len(b) < 2 || len(b) < 2+int(b[1]) {
				yield(TLV{}, ErrUserData)
				return
			}
			n := 2 + int(b[1])
			if !yield(TLV{b[0], b[2:n:n]}, nil) {
				return
			}
			b = b[n:]
		}
	}
}

// ParseUserData reads all entries.
func ParseUserData(b []byte) ([]TLV, error) {
	var all []TLV
	for t, err := range UserData(b) {
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, nil
}

// AppendTLV appends an entry; data is at most 255 bytes.
func AppendTLV(b []byte, typ uint8, data []byte) []byte {
	return append(append(b, typ, uint8(len(data))), data...)
}

// Comment returns the comment in the user data of a table, chain, rule, object or element, "" if there is none.
func Comment(userdata []byte) string { return userString(userdata, UserDataComment) }

// SetComment returns the comment in a set's user data, "" if there is none.
func SetComment(userdata []byte) string { return userString(userdata, UserDataSetComment) }

func userString(userdata []byte, typ uint8) string {
	for t, err := range UserData(userdata) {
		if err == nil && t.Type == typ {
			return Attr{Data: t.Data}.String()
		}
	}
	return ""
}

// AppendComment appends a comment to the user data of a table, chain, rule, object or element. A comment ends at a NUL and is cut
// to [MaxComment] bytes (not within a UTF-8 character).
func AppendComment(b []byte, comment string) []byte {
	return appendUserString(b, UserDataComment, comment)
}

// AppendSetComment is [AppendComment] for a set's user data.
func AppendSetComment(b []byte, comment string) []byte {
	return appendUserString(b, UserDataSetComment, comment)
}

func appendUserString(b []byte, typ uint8, s string) []byte {
	s, _, _ = strings.Cut(s, "\x00")
	if len(s) > MaxComment {
		n := MaxComment
		for n > 0 && !utf8.RuneStart(s[n]) {
			n--
		}
		s = s[:n]
	}
	b = append(b, typ, uint8(len(s)+1))
	return append(append(b, s...), 0)
}
