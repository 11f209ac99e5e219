// Package graph draws the chains of a program: base chains under their hooks, the chains that rules lead to below them, and how many rules
// lead where. It lays them out in layers by itself.
package graph
