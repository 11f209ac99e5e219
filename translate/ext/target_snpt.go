package ext

var _ = registerTarget(nptTarget("SNPT", "snat", "INPUT", "POSTROUTING"))
