module trunkline.dev/trunkline

go 1.26
