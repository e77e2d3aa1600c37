# SPDX-License-Identifier: GPL-2.0
# Completion of kmem-persist(8) for bash

_kmem_persist()
{
	local cur prev command='' word options='--json --offset --length --help'
	local commands='info check dump extract import repair label adopt format wipe status list
		setup attach detach may-bind cxl-regions metrics snapshot'

	COMPREPLY=()
	cur=${COMP_WORDS[COMP_CWORD]}
	prev=${COMP_WORDS[COMP_CWORD - 1]}
	for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		case " ${commands//[[:space:]]/ } " in
		*" $word "*)
			command=$word
			break
			;;
		esac
	done

	case $prev in
	--type)
		mapfile -t COMPREPLY < <(compgen -W 'none blk' -- "$cur")
		return
		;;
	--mount)
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		return
		;;
	--offset | --length | --size | --label | --uuid | --ns-uuid | --seed | --superblock-at | \
		--snapshot | --remember)
		return
		;;
	esac
	if [[ -z $command ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$commands --help --version" -- "$cur")
		return
	fi

	case $command in
	status | list | detach | may-bind) options='--json --help' ;;
	cxl-regions) options='--remember --json --help' ;;
	metrics) options='--help' ;;
	attach) options='--auto --check --all --json --help' ;;
	setup) options='--label --mount --fstab --volatile --cxl --force --yes --dry-run --help' ;;
	info) options+=' --secrets --superblock-at' ;;
	check) options+=' --superblock-at' ;;
	dump) options+=' --superblocks --map --secrets --superblock-at' ;;
	extract) options+=' --force --superblock-at --snapshot' ;;
	repair) options+=' --yes --dry-run --use --drop-snapshots' ;;
	snapshot) options+=' --yes' ;;
	label) options+=' --dry-run' ;;
	adopt) options+=' --yes --dry-run --new-uuid --uuid --ns-uuid' ;;
	import) options+=' --raw --stream --size --label --uuid --seed --force --dry-run' ;;
	format) options+=' --type --size --label --uuid --seed --force --dry-run' ;;
	wipe) options+=' --force --dry-run' ;;
	esac
	if [[ $command == snapshot && $prev == snapshot ]]; then
		mapfile -t COMPREPLY < <(compgen -W 'list create delete activate deactivate rollback diff' -- "$cur")
		return
	fi
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
	elif [[ $command == status || " ${COMP_WORDS[*]} " == *' snapshot '@(create|delete|activate|deactivate|rollback)' '* ]]; then
		# Not by compgen -W, which expands its words: labels come from the media.
		while read -r word; do
			[[ $word == "$cur"* ]] && COMPREPLY+=("$word")
		done < <(kmem-persist list --json 2>/dev/null |
			sed -n 's/^ *"\(name\|label\|uuid\|disk\)":"\([^"]*\)".*/\2/p')
	elif [[ $command == attach || $command == detach || $command == may-bind ||
		$command == setup ]]; then
		# Names of the kernel have nothing in them that compgen -W would expand.
		word=$(cd /sys/bus/dax/devices 2>/dev/null && shopt -s nullglob && echo dax*)
		[[ $command != setup ]] ||
			word+=" $(cd /sys/bus/nd/devices 2>/dev/null && shopt -s nullglob &&
				echo region* namespace*)"
		mapfile -t COMPREPLY < <(compgen -W "${word//[^a-z0-9. ]/}" -- "$cur")
	elif [[ $command == metrics ]]; then
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
	elif [[ $command != list ]]; then
		mapfile -t COMPREPLY < <(compgen -G '/dev/dax*' -- "$cur"; compgen -f -- "$cur")
	fi
}
complete -o filenames -F _kmem_persist kmem-persist
