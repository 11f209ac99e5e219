package packet

import "strings"

// Idle says that steps change nothing about the packet that asks them, whatever they find: they ask, write log lines, and go on. What has
// a memory is then asked for others' sake only.
func Idle(steps []Step) bool {
	for _, s := range steps {
		switch v := s.(type) {
		case *Do:
			if n, ok := v.Effect.(*Note); !ok || !n.Log {
				return false
			}
		case *End:
			if !idleVerdict(v.Verdict) {
				return false
			}
		case *Choose:
			for _, c := range v.Cases {
				if !Idle(c.Steps) {
					return false
				}
			}
		}
	}
	return true
}

func idleVerdict(v Verdict) bool {
	if v.Kind != Jump {
		return v.Kind == Continue
	}
	for _, r := range v.Chain.Rules {
		if !Idle(r.Steps) {
			return false
		}
	}
	return true
}

// Memory names what a predicate with state remembers, in a chain: what one rule remembers another does not, and which rule it is
// shows by its chain. A number behind the name is that of a chain that was split off.
func Memory(key string, c *Chain) string {
	name := strings.TrimRight(c.Name, "0123456789")
	if name == c.Name || !strings.HasSuffix(name, "-") {
		name = c.Name + "-"
	}
	return key + " in " + c.Table + " " + strings.TrimSuffix(name, "-")
}
