# Completion of the ab programs for bash. Installed under each program's name; by hand: source this file.
# Options and their arguments come from the programs' own --help, sessions from ab-vault list.
# shellcheck shell=bash

# What cannot be asked completes to nothing.
_ab_options() { "$@" --help 2>/dev/null | grep -o -e '--[a-z][a-z-]*' | sort -u || :; }
_ab_sessions() { ab-vault list 2>/dev/null || :; }
_ab_providers() { ab-provider list 2>/dev/null | awk '{ print $1 }' || :; }

_ab_verbs() {
	case $1 in
	ab-run) echo start stop pause resume status list ;;
	ab-vault) echo init new edit get set list rm export import rekey exec evidence ;;
	ab-provider) echo list check test try record ;;
	ab-audit) echo append verify show replay ;;
	esac
}

_ab() {
	local program=${1##*/} word=$2 before=$3 verb='' at words=''
	for ((at = 1; at < COMP_CWORD; at++)); do
		case ${COMP_WORDS[at]} in
		-*) ;;
		*)
			verb=${COMP_WORDS[at]}
			break
			;;
		esac
	done
	COMPREPLY=()
	case $before in
	--pipeline | -p) words='monitor-and-book watch-only' ;;
	--provider) words=$(_ab_providers) ;;
	--settle) words='booked free' ;;
	--parts) words='secrets profile rules notices state evidence audit' ;;
	--kdf) words='interactive moderate sensitive' ;;
	--feedback | --inbox | --rules | --output | --from | --file | --key-file | --maildir | --replay)
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return
		;;
	*)
		case $word in
		-*)
			[ "$program" = ab-vault ] || verb='' # its verbs have options of their own
			words="$(_ab_options "$program" ${verb:+"$verb"}) --help --version"
			;;
		*)
			case $program:$verb in
			ab-run:) words="$(_ab_verbs "$program") $(_ab_sessions)" ;;
			ab-audit:) words="$(_ab_verbs "$program") $(_ab_sessions)" ;;
			ab-vault: | ab-provider:) words=$(_ab_verbs "$program") ;;
			ab-provider:*) words=$(_ab_providers) ;;
			ab-page:) words=http ;;
			ab-demo:*) ;;
			ab-run:list | ab-vault:list | ab-vault:init | ab-vault:rekey) ;;
			*) words=$(_ab_sessions) ;;
			esac
			;;
		esac
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}

complete -F _ab ab-answer ab-audit ab-book ab-demo ab-fill ab-login ab-notify ab-otp ab-page ab-plan ab-poll \
	ab-provider ab-run ab-vault
