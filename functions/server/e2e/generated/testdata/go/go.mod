module use

go 1.25
