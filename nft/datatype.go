package nft

// Datatype is nft's number of a datatype (include/datatype.h, enum datatypes). The kernel stores it with a set, up to five of
// them in one number (6 bits each), and does not interpret it.
type Datatype uint8

// The datatypes, with nft's numbers.
const (
	TypeInvalid     Datatype = 0
	TypeVerdict     Datatype = 1
	TypeNfproto     Datatype = 2
	TypeBitmask     Datatype = 3
	TypeInteger     Datatype = 4
	TypeString      Datatype = 5
	TypeLLAddr      Datatype = 6
	TypeIPAddr      Datatype = 7
	TypeIP6Addr     Datatype = 8
	TypeEtherAddr   Datatype = 9
	TypeEtherType   Datatype = 10
	TypeArpOp       Datatype = 11
	TypeInetProto   Datatype = 12
	TypeInetService Datatype = 13
	TypeICMPType    Datatype = 14
	TypeTCPFlag     Datatype = 15
	TypeDCCPType    Datatype = 16
	TypeMHType      Datatype = 17
	TypeTime        Datatype = 18
	TypeMark        Datatype = 19
	TypeIfindex     Datatype = 20
	TypeArphrd      Datatype = 21
	TypeRealm       Datatype = 22
	TypeClassid     Datatype = 23
	TypeUID         Datatype = 24
	TypeGID         Datatype = 25
	TypeCtState     Datatype = 26
	TypeCtDir       Datatype = 27
	TypeCtStatus    Datatype = 28
	TypeICMP6Type   Datatype = 29
	TypeCtLabel     Datatype = 30
	TypePkttype     Datatype = 31
	TypeICMPCode    Datatype = 32
	TypeICMPv6Code  Datatype = 33
	TypeICMPXCode   Datatype = 34
	TypeDevgroup    Datatype = 35
	TypeDSCP        Datatype = 36
	TypeECN         Datatype = 37
	TypeFibAddr     Datatype = 38
	TypeBoolean     Datatype = 39
	TypeCtEventbit  Datatype = 40
	TypeIfname      Datatype = 41
	TypeIGMPType    Datatype = 42
	TypeTimeDate    Datatype = 43
	TypeTimeHour    Datatype = 44
	TypeTimeDay     Datatype = 45
	TypeCgroupV2    Datatype = 46
)
