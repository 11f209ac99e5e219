// Package redirect turns a redirect configuration into the iptables chain model.
//
// The configuration is that of istio-iptables: the same flags, short flags and environment variables, the same chains, rules and
// order (Istio's tools/istio-iptables; the golden files there are the judge), so that rechain can stand in for it. On top come
// a YAML file and a few options that istio-iptables knows only as environment variables or detects by itself.
//
// The way of a configuration:
//
//	Config   what was said, as text, and where: flags, environment, file (options.go is the one table of all options)
//	Plan     what it means: checked, typed, and completed with what only the machine knows ([System])
//	Line     a rule as iptables takes it: table, chain, words, and the option that made it
//	Ruleset  the model of package iptables, one for each family
//
// and beside the rules a [State]: the policy rule, route and address that they rely on.
//
// The package looks at nothing but its input. Users, groups, resolv.conf and interface addresses come through [System].
package redirect
