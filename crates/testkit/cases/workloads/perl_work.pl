use strict; use warnings; use File::Temp; use IO::Socket::INET; use POSIX ();
$| = 1;
sub say_result { my ($n, $r) = @_; print "{\"attempt\":\"$n\",\"result\":\"$r\"}\n"; }
my $child = fork(); if ($child == 0) { POSIX::_exit(5); } waitpid($child, 0);
say_result("fork", ($? >> 8) == 5 ? "ok" : "wrong");
my $text = `echo hello`; say_result("backticks", $text eq "hello\n" ? "ok" : "wrong");
my $file = File::Temp->new; print $file "x"; say_result("tempfile", -e $file->filename ? "ok" : "wrong");
my $server = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1");
say_result("socket", $server ? "ok" : "wrong");
say_result("sort", join(",", sort { $a <=> $b } (3, 1, 2)) eq "1,2,3" ? "ok" : "wrong");
