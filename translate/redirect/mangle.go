package redirect

// mangle makes the rules of TPROXY mode, and drops invalid packets.
func (b *builder) mangle() {
	b.table = "mangle"
	if b.TProxy {
		for _, i := range b.ExcludeInterfaces {
			k := key("istio-exclude-interfaces", i)
			b.add("PREROUTING", k, "-i %s -j RETURN", i)
			b.add("OUTPUT", k, "-o %s -j RETURN", i)
		}
	}
	if b.DropInvalid {
		b.add("PREROUTING", "drop-invalid", "-m conntrack --ctstate INVALID -j %s", chainDrop)
		b.add(chainDrop, "drop-invalid", "-j DROP")
	}
	if b.TProxy {
		b.tproxyInbound()
		b.tproxyMarks()
	}
}

// tproxyInbound captures inbound ports: new connections by TPROXY, the packets of known ones by the mark, which routes them to this
// host.
func (b *builder) tproxyInbound() {
	if !b.CapturesInbound() {
		return
	}
	mark := key("istio-inbound-tproxy-mark", b.Mark)
	b.add(chainDivert, mark, "-j MARK --set-mark %d", b.Mark)
	b.add(chainDivert, mark, "-j ACCEPT")
	b.add(chainTProxy, key("inbound-capture-port", b.CapturePort),
		"! -d %s -p tcp -j TPROXY --tproxy-mark %d/0xffffffff --on-port %d", b.loopback, b.Mark, b.CapturePort)
	b.add("PREROUTING", "istio-inbound-ports", "-p tcp -j %s", chainInbound)
	if b.AllInbound {
		for _, p := range b.InboundExclude {
			b.add(chainInbound, key("istio-local-exclude-ports", p), "-p tcp --dport %s -j RETURN", p)
		}
		k := key("istio-inbound-ports", "*")
		b.add(chainInbound, k, "-p tcp -m conntrack --ctstate RELATED,ESTABLISHED -j %s", chainDivert)
		b.add(chainInbound, k, "-p tcp -j %s", chainTProxy)
	}
	for _, p := range b.InboundPorts {
		k := key("istio-inbound-ports", p)
		b.add(chainInbound, k, "-p tcp --dport %s -m conntrack --ctstate RELATED,ESTABLISHED -j %s", p, chainDivert)
		b.add(chainInbound, k, "-p tcp --dport %s -j %s", p, chainTProxy)
	}
}

// tproxyMarks lets the proxy reach the application with the client's address: the answers must come back to the proxy, and what
// it sends to this host must not be captured again. Istio's iptables backend makes these rules even when nothing is captured
// inbound.
func (b *builder) tproxyMarks() {
	mark := key("istio-inbound-tproxy-mark", b.Mark)
	mode := key("istio-inbound-interception-mode", "TPROXY")
	b.add("PREROUTING", mark, "-p tcp -m mark --mark %d -j CONNMARK --save-mark", b.Mark)
	b.add("OUTPUT", mark, "-p tcp -o lo -m mark --mark %d -j RETURN", b.Mark)
	for _, o := range append(b.uids(), b.gids()...) {
		b.add("OUTPUT", o.key, "! -d %s -p tcp -o lo -m owner %s -j MARK --set-mark %d", b.loopback, o.match, outboundMark)
	}
	b.add("OUTPUT", mark, "-p tcp -m connmark --mark %d -j CONNMARK --restore-mark", b.Mark)
	b.insert(1, chainInbound, mark, "-p tcp -m mark --mark %d -j RETURN", b.Mark)
	b.insert(2, chainInbound, keyPassthrough, "-p tcp -s %s -i lo -j RETURN", b.passthrough)
	b.insert(3, chainInbound, mode, "-p tcp -i lo -m mark ! --mark %d -j RETURN", outboundMark)
}
