package ext

// See optionsHeader.
var _ = registerMatch(optionsHeader("dst", ipDestination))
