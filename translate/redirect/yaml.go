package redirect

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"

	"rechain/translate/iptables"
)

// FromYAML takes options from a YAML mapping whose keys are the long flags. Lists are YAML lists, or one text with commas. The file
// comes after flags and environment. file is its name, for the places of problems; they are all told, and what is right is taken.
func (c *Config) FromYAML(r io.Reader, file string) iptables.Problems {
	y := &yamlReader{config: c, file: file}
	dec := yaml.NewDecoder(r)
	var doc, more yaml.Node
	if err := dec.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) { // no document: an empty file, or only comments
			return nil
		}
		return iptables.Problems{y.syntax(err)}
	}
	y.mapping(doc.Content[0])
	switch err := dec.Decode(&more); {
	case err == nil:
		y.wrong(&more, "", "a second document", "put everything into one")
	case !errors.Is(err, io.EOF):
		y.problems = append(y.problems, y.syntax(err))
	}
	return y.problems
}

type yamlReader struct {
	config   *Config
	file     string
	problems iptables.Problems
}

func (y *yamlReader) pos(n *yaml.Node) iptables.Pos {
	return iptables.At(y.file, n.Line, n.Column)
}

func (y *yamlReader) wrong(n *yaml.Node, option, msg, hint string) {
	y.problems = append(y.problems, &iptables.Problem{Pos: y.pos(n), Ext: option, Msg: msg, Hint: hint})
}

// yamlLine is how the YAML package says where, in an error that has no fields. Most runs need it not.
var yamlLine = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^yaml: (?:line (\d+): )?`) })

// syntax is an error of the YAML package as a problem with a place.
func (y *yamlReader) syntax(err error) *iptables.Problem {
	m := yamlLine().FindStringSubmatch(err.Error())
	p := &iptables.Problem{Pos: iptables.At(y.file, 0, 0), Msg: err.Error()}
	if m != nil {
		line, _ := strconv.Atoi(m[1]) // 0, unknown, where there is none
		p.Pos = iptables.At(y.file, line, 0)
		p.Msg = strings.TrimPrefix(p.Msg, m[0])
	}
	if strings.Contains(p.Msg, "alphabetic or numeric character") { // a plain * starts an alias
		p.Hint = `write "*" in quotes`
	}
	return p
}

// mapping reads the top level.
func (y *yamlReader) mapping(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return
	}
	if n.Kind != yaml.MappingNode {
		y.wrong(n, "", "not a mapping", "write one option a line, as in: proxy-uid: 1337")
		return
	}
	lines := map[string]int{}
	for pair := range slices.Chunk(n.Content, 2) {
		key, value := pair[0], pair[1]
		o := optionNamed(key.Value)
		switch {
		case o == nil || key.Kind != yaml.ScalarNode:
			y.wrong(key, key.Value, "no such option", "keys are the long flags of rechain redirect")
		case o.noFile:
			y.wrong(key, o.name, "has no meaning in a file", "use the flag")
		case lines[o.name] > 0:
			y.wrong(key, o.name, fmt.Sprintf("given before, in line %d", lines[o.name]), "keep one")
		default:
			lines[o.name] = key.Line
			y.option(o, value)
		}
	}
}

// option reads the value of one option.
func (y *yamlReader) option(o *option, n *yaml.Node) {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	src := source{rank: fromFile, pos: y.pos(n)}
	list, isList := o.field(y.config).(*[]string)
	if n.Kind == yaml.SequenceNode && isList {
		items := make([]string, len(n.Content))
		for i, e := range n.Content {
			if !scalar(e, "!!str", "!!int") {
				y.wrong(e, o.name, fmt.Sprintf("an entry is %s, not a text or a number", describe(e)), "")
				return
			}
			items[i] = e.Value
			src.items = append(src.items, y.pos(e))
		}
		if y.config.claim(o, src) {
			*list = items
		}
		return
	}
	want, tags := "a text or a number", []string{"!!str", "!!int"}
	switch o.field(y.config).(type) {
	case *bool:
		want, tags = "true or false", []string{"!!bool"}
	case *[]string:
		want = "a list, or a text with commas"
	}
	if !scalar(n, tags...) {
		y.wrong(n, o.name, fmt.Sprintf("is %s, not %s", describe(n), want), "")
		return
	}
	if err := y.config.set(o, src, n.Value); err != nil {
		y.wrong(n, o.name, err.Error(), "")
	}
}

// scalar reports whether n is a single value of one of the tags. yaml.v3 keeps its text as it was written, whatever the tag.
func scalar(n *yaml.Node, tags ...string) bool {
	return n.Kind == yaml.ScalarNode && slices.Contains(tags, n.ShortTag())
}

// describe names what a node is.
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	switch n.ShortTag() {
	case "!!null":
		return "empty"
	case "!!str":
		return strconv.Quote(n.Value)
	}
	return n.Value
}
