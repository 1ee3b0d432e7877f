for i in $(seq 300); do sleep 3 & done 2>/dev/null
echo '{"attempt":"flood","result":"endless"}'
kill $(jobs -p) 2>/dev/null
