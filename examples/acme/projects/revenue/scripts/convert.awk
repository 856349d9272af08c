# First file: day,currency,eur. Second file: order_id,day,country,currency,amount.
BEGIN { FS = OFS = "," }
FNR == 1 { file++; next }
file == 1 { rate[$1, $2] = $3; next }
!(($2, $4) in rate) { print "no rate for " $4 " on " $2 > "/dev/stderr"; exit 1 }
{ sum[$2 OFS $3] += $5 * rate[$2, $4] }
END { for (key in sum) printf "%s,%.2f\n", key, sum[key] }
