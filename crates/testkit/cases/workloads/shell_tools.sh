set -u
say() { if [ "$2" = 0 ]; then r=ok; else r="status $2"; fi; echo "{\"attempt\":\"$1\",\"result\":\"$r\"}"; }
mkdir -p in out
for i in $(seq 200); do echo "line $i" > in/f$i; done
tar czf all.tar.gz in && tar xzf all.tar.gz -C out && diff -r in out/in; say tar $?
gzip -k in/f1 && gunzip -c in/f1.gz | cmp - in/f1 && rm in/f1.gz; say gzip $?
dd if=/dev/zero of=zeros bs=64k count=16 status=none && [ "$(stat -c %s zeros)" = 1048576 ]; say dd $?
cp -a in copy && diff -r in copy; say cp $?
sort -R all.tar.gz > /dev/null; cat in/* | sort -u | wc -l | grep -q 200; say sort $?
[ "$(find in -name 'f1*' -type f | wc -l)" = 111 ]; say find $?
find in -type f -print0 | xargs -0 -P 2 -n 20 cat | wc -l | grep -q 200; say xargs $?
flock lockfile true; say flock $?
mkfifo pipe && (echo through > pipe &) && grep -q through < pipe; say mkfifo $?
sed -i s/line/word/ in/f1 && grep -q word in/f1; say sed $?
awk 'BEGIN { print 6 * 7 }' | grep -q 42; say awk $?
diff <(echo a) <(echo a); say process-substitution $?
cat <<< here | grep -q here; say here-string $?
timeout 5 sleep 0.05; say timeout $?
(sleep 0.05 & wait); say jobs $?
install -m 755 in/f1 out/installed; say install $?
truncate -s 1M sparse && [ "$(stat -c %s sparse)" = 1048576 ]; say truncate $?
ln -s in link && [ -d link ] && ln in/f2 hard && [ in/f2 -ef hard ]; say links $?
date > /dev/null && id -un > /dev/null; say date-and-id $?
echo 'a b' | tee t1 t2 > /dev/null && cmp t1 t2; say tee $?
xz -k t1 2>/dev/null && unxz -c t1.xz | cmp - t1 || [ ! -x /usr/bin/xz ]; say xz $?
