# First file: day,currency,eur. Second file: order_id,day,country,currency,amount. Both are of one day.
BEGIN { FS = OFS = "," }
FNR == 1 { file++; next }
file == 1 { rate[$2] = $3; next }
!($4 in rate) { print "no rate for " $4 > "/dev/stderr"; exit 1 }
{ orders[$3]++; sum[$3] += $5 * rate[$4] }
END { for (country in sum) printf "%s,%d,%.2f\n", country, orders[country], sum[country] }
