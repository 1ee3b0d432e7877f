set -u
say() { if [ "$2" = 0 ]; then r=ok; else r="status $2"; fi; echo "{\"attempt\":\"$1\",\"result\":\"$r\"}"; }
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.invalid GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.invalid
git init -q one; say init $?
cd one && echo x > f && git add f && git commit -q -m first; say commit $?
git branch other && git checkout -q other && echo y >> f && git commit -q -am second && git merge -q other; say branch $?
cd .. && git clone -q one two; say clone $?
cd two && git log --oneline | grep -q first; say log $?
git gc -q; say gc $?
