# Checks who includes whom. Usage, in the source tree: awk -f t/layers.awk FILE.c FILE.h …
# Prints one line per fault, and exits 1 when there was any.
#
# A module is FLOOR/NAME: lib/wire/line.c and lib/wire/line.h are the module wire/line; a program's file is
# a module of the floor "bin" or "libexec". Arrows go to the same floor or a lower one, floors that stand
# side by side do not see each other, and no module can be reached from itself.

function fault(text) { printf "%s:%d: %s\n", FILENAME, FNR, text; faults++ }

function floor_of(path,   part) {
	split(path, part, "/")
	return part[1] == "lib" ? part[2] : part[1]
}

function module_of(path,   name) {
	name = path
	sub(/^lib\//, "", name)
	sub(/\.[ch]$/, "", name)
	return name
}

# A program of several files has a header of its own beside them: "book.h", "vault-command.h".
function own_header(name,   program) {
	program = FILENAME
	sub(/.*\//, "", program)
	sub(/[-.].*/, "", program)
	return name ~ "^" program "(-[a-z]+)?[.]h$"
}

# The foreign library that a header in <> belongs to, "" for libc and the kernel.
function library(header) {
	if (header ~ /^(sys|linux|netinet|arpa|net|asm)\// || header in libc)
		return ""
	if (header ~ /^(jv|jq)\.h$/)
		return "libjq"
	sub(/[\/.].*/, "", header)
	return header
}

BEGIN {
	rank["base"] = 0; rank["ext"] = 1; rank["wire"] = 2
	rank["site"] = rank["page"] = rank["store"] = rank["plan"] = rank["mail"] = rank["demo"] = 3
	rank["work"] = rank["run"] = 4
	rank["bin"] = rank["libexec"] = 5
	n = split("assert.h byteswap.h ctype.h dirent.h dlfcn.h elf.h endian.h err.h errno.h fcntl.h features.h " \
		"fenv.h float.h fnmatch.h ftw.h getopt.h glob.h grp.h iconv.h ifaddrs.h inttypes.h langinfo.h " \
		"libgen.h limits.h link.h locale.h malloc.h math.h netdb.h paths.h poll.h pthread.h pty.h pwd.h " \
		"regex.h sched.h search.h semaphore.h setjmp.h signal.h spawn.h stdalign.h stdarg.h stdatomic.h " \
		"stdbool.h stddef.h stdint.h stdio.h stdlib.h stdnoreturn.h string.h strings.h sysexits.h syslog.h " \
		"termios.h threads.h time.h uchar.h ucontext.h unistd.h utime.h utmp.h wchar.h wctype.h wordexp.h",
		names, " ")
	for (i = 1; i <= n; i++)
		libc[names[i]]
}

FNR == 1 {
	floor = floor_of(FILENAME)
	module = module_of(FILENAME)
	quoted = 0
	if (!(floor in rank))
		fault("no floor of the house is called " floor)
	file_line[FILENAME] = 1
	if (FILENAME ~ /\.h$/)
		header[module] = FILENAME
}

/^[ \t]*#[ \t]*include/ {
	line = $0
	sub(/^[ \t]*#[ \t]*include[ \t]*/, "", line)
	name = substr(line, 2)
	sub(/[">].*/, "", name)
	if (line ~ /^</) {
		lib = library(name)
		if (lib == "")
			next
		if (floor != "ext")
			fault("<" name "> is foreign: only lib/ext includes it")
		else if ((FILENAME in wraps) && wraps[FILENAME] != lib)
			fault("<" name ">: this file wraps " wraps[FILENAME] " already, one library per file")
		wraps[FILENAME] = lib
		next
	}
	if (line !~ /^"/ || name == "config.h")
		next
	if (rank[floor] == 5 && own_header(name))
		next
	if (name !~ /^[a-z]+\/[a-z0-9_-]+\.h$/) {
		fault("\"" name "\" is not written \"floor/module.h\"")
		next
	}
	if (!quoted++)
		first[FILENAME] = name
	to = floor_of("lib/" name)
	if (!(to in rank))
		fault("\"" name "\" names no floor of the house")
	else if (to != floor && rank[to] >= rank[floor])
		fault("\"" name "\" points " (rank[to] > rank[floor] ? "upward" : "sideways") " from " floor)
	else if (module_of(name) != module && !((module, module_of(name)) in arrow)) {
		arrow[module, module_of(name)]
		targets[module] = targets[module] " " module_of(name)
	}
}

function visit(m, path,   list, count, i) {
	if (state[m] == "open") {
		printf "circle:%s %s\n", path, m
		faults++
		return
	}
	if (state[m] == "done")
		return
	state[m] = "open"
	count = split(targets[m], list, " ")
	for (i = 1; i <= count; i++)
		visit(list[i], path " " m)
	state[m] = "done"
}

END {
	for (m in targets)
		visit(m, "")
	# One header per module: a file of lib/ begins with its module's header, its own or one of its floor.
	for (f in file_line)
		if (f ~ /^lib\/.*\.c$/) {
			own = module_of(f) ".h"
			if (module_of(f) in header ? first[f] != own : floor_of("lib/" first[f]) != floor_of(f)) {
				printf "%s: the first \"\" include is %s, not its module's header\n", f, \
					first[f] ? "\"" first[f] "\"" : "missing"
				faults++
			}
		}
	exit faults > 0
}
