# Keeps the first row of each order, and only those with an amount.
BEGIN { FS = OFS = "," }
NR == 1 { print; next }
$5 ~ /^[0-9]+(\.[0-9]+)?$/ && !seen[$1]++ { print }
