// Package ipset reads and prints what "ipset save" and "ipset restore" exchange: sets and their entries, as ipset 7 knows them.
//
// [Parse] reads a dump and does to its sets what restore would do. Entries that stand for several elements (ranges of addresses or
// ports) become these elements, as in the kernel, so that [Print] gives what "ipset save" prints after the restore, but for the
// order of elements in hashes.
package ipset
