exec > /data/marker 2>&1
while read -r id parent dev root place options rest; do
    rest=${rest#*- }
    case $rest in tmpfs*) rest=${rest%%,uid=*} ;; *) rest=${rest%% *} ;; esac
    echo "$place $options $rest"
done < /proc/self/mountinfo
while read -r name value; do
    case $name in Cap*|NoNewPrivs:|Seccomp:|Groups:|Uid:|Gid:) echo "$name $value" ;; esac
done < /proc/self/status
while read -r line; do echo "$line"; done < /proc/self/limits
while read -r line; do echo "$line"; done < /proc/self/cgroup
read -r line < /proc/sys/kernel/hostname && echo "host name $line"
read -r line < /proc/sys/user/max_user_namespaces && echo "user namespaces $line"
read -r seconds rest < /proc/uptime
[ "${seconds%%.*}" -lt 100 ] && echo "own uptime"
read -r line < /proc/self/oom_score_adj && echo "out of memory $line"
{ echo 1000 > /proc/self/oom_score_adj; } 2> /dev/null || echo "landlock holds"
{ echo x > /usr/x; } 2> /dev/null || echo "/usr is read-only"
for path in /* /etc/* /dev/* /code/* /workspace/* /proc/self/fd/*; do echo "sees $path"; done
echo MARKER
