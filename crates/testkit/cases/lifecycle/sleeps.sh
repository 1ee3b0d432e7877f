trap '' TERM INT HUP XCPU
echo '{"attempt":"start","result":"ok"}'
sleep 3 & wait; sleep 3
echo '{"attempt":"end","result":"reached"}'
