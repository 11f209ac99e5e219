module rechain

go 1.26.0
