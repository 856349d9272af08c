# Arguments: columns, least rows, column of unique values (0: none).
set -eu
in=${TRUNKLINE_READ_DATA#file://}

until [ -e "$in/_SUCCESS" ]; do
	echo "waiting for $TRUNKLINE_READ_DATA"
	sleep 1
done
cat "$in"/*.csv | awk -F, -v columns="$1" -v least="$2" -v unique="$3" '
	NF != columns { print "row " NR " has " NF " columns, not " columns; bad++ }
	NR > 1 && unique && seen[$unique]++ { print "row " NR ": " $unique " is there twice"; bad++ }
	END {
		rows = NR - 1
		if (rows < least) { print "there are " rows " rows, fewer than " least; bad++ }
		if (bad) exit 1
		print "checked " rows " rows: fine"
	}
'
