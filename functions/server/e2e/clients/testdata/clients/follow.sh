#!/bin/bash
# Follows the lobby with curl in a loop and prints each message: follow.sh <address>
id=0-0
while :; do
	data= next=$id
	while IFS= read -r line; do # a line that was cut off is no line
		case $line in
		'id: '*) next=${line#id: } ;;
		'data: '*) data=${line#data: } ;;
		'')
			id=$next
			case $data in *'"kind":"message"'*) echo "$data" ;; esac
			data=
			;;
		esac
	done < <(curl -sN -H "Last-Event-ID: $id" "$1/stream")
	sleep 0.02
done
