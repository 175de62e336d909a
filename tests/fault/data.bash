# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154 # of tests/fault/run, which sources this
# What tests/fault/run does to datasets, orders, imports and the index.

steward=(--key "$dir/publisher.key" --issuer lab.example)

# --- datasets: three files, each old or new at any time, and the same command completes it ---------

photos() { # folder, names...
	mkdir -p "$1/photos"
	local name
	for name in "${@:2}"; do printf 'photo %s\n' "$name" >"$1/photos/$name"; done
}
printf 'kind: dataset\ndataset_id: photos\ntitle: Photos\n' >"$dir/photos.yaml"
printf 'record,subject\na,s-17\n' >"$dir/people.csv"
recording() { # folder, options...
	(cd "$1" && "${under[@]}" "$wm" dataset record photos -f "$dir/photos.yaml" "${steward[@]}" \
		--attributes "$dir/people.csv" "${@:2}" >/dev/null 2>&1)
}
photos "$dir/old" a b && recording "$dir/old" || exit 3
cp -r "$dir/old" "$dir/new" && photos "$dir/new" c && recording "$dir/new" --amend || exit 3

# The record is proved, and by the statement at hand.
proves() { # name
	"$wm" dataset prove --record "$dir/new/photos/$1" --dataset photos.wmk >proof 2>/dev/null &&
		"$wm" dataset check proof --dataset photos.wmk --key "$dir/publisher.pub" >/dev/null 2>&1
}
readable() { "$wm" show "$1" --json 2>/dev/null | jq -e . >/dev/null; }

first_start() { rm -rf ./* ./.weightmark* "$dir/cache" && cp -r "$dir/old/photos" .; }
first_run() { recording .; }
first_whole() { proves a && proves b; }
# Commitments get their name last, so that there are none without the statement.
first_none() { [ ! -e photos.wmc ] && { [ ! -e photos.wmk ] || readable photos.wmk; }; }
first_rerun() { first_run; }

again_start() { rm -rf ./* ./.weightmark* "$dir/cache" && cp -r "$dir/old/." . && cp "$dir/new/photos/c" photos; }
again_run() { recording . --amend; }
again_whole() { proves a && proves b && proves c; }
again_none() {
	cmp -s photos.wmck "$dir/old/photos.wmck" && cmp -s photos.wmc "$dir/old/photos.wmc" && readable photos.wmk
}
again_rerun() { again_run; }

withdraw_start() { rm -rf ./* ./.weightmark* "$dir/cache" && cp -r "$dir/old/." .; }
withdraw_run() { "${under[@]}" "$wm" dataset withdraw --dataset photos.wmk --subject s-17 --out w.wmk \
	--effective 2026-11-20T18:00:00Z "${steward[@]}" >/dev/null 2>&1; }
withdraw_whole() { readable w.wmk; }
withdraw_none() { [ ! -e w.wmk ]; }
withdraw_rerun() { withdraw_run; }

# Nobody says that the key is destroyed while it is there; and it never is half a key.
destroy_start() { withdraw_start; }
destroy_run() { "${under[@]}" "$wm" dataset destroy-key photos.wmck --dataset photos.wmk --out e.wmk \
	"${steward[@]}" >/dev/null 2>&1; }
destroy_whole() { [ ! -e photos.wmck ] && readable e.wmk; }
destroy_none() {
	if cmp -s photos.wmck "$dir/old/photos.wmck"; then [ ! -e e.wmk ]; return; fi
	head -1 photos.wmck | grep -q '^weightmark-commitment-key/0$' && { [ ! -e e.wmk ] || readable e.wmk; }
}
destroy_rerun() { destroy_whole || destroy_run; }

# --- what goes into a ledger: all of it or nothing --------------------------------------------------

{
	echo run,activity,started,dataset,role,output,sha256
	for i in 1 2 3; do
		printf 'r%s,training,2022-01-0%s,d.example/faces,pretrain,lab.example/m@%s,%064d\n' $i $i $i $i
	done
} >"$dir/history.csv"
import_start() { ledger_start; }
import_run() { "${under[@]}" "$wm" import "$dir/history.csv" "${steward[@]}" --ledger ledger.git >/dev/null 2>&1; }
import_whole() { ledger_sound && ledger_has 6; }
import_none() { ledger_sound && ledger_has 3; }
import_rerun() { import_run; }

cat >"$dir/order.yaml" <<'YAML'
kind: order
id: ftc-1
order_kind: court_order
party: [{id: authority, legal_name: The Authority}, {id: us, legal_name: The Lab}]
authority: authority
respondent: [us]
trigger_date: "2024-03-08"
time_zone: UTC
scope_dataset: [{object: lab.example/D}]
obligation: [{id: data, kind: delete_data, days: 20}]
YAML
printf 'lab.example/M0@1\t/m\tclear\t\t2024-03-20\n' >"$dir/gone.tsv"
# Orders are in the private ledger, where what is done is told too.
ordering() { XDG_DATA_HOME=$1 "${under[@]}" "$wm" order "${@:2}" "${steward[@]}" >/dev/null 2>&1; }
ordering "$dir/orders" add "$dir/order.yaml" || exit 3
entries "$dir/orders/weightmark/private.git" >"$dir/before-orders"
done_start() { rm -rf ./* ./.weightmark* "$dir/cache" "$dir/state" && cp -r "$dir/orders" share; }
done_run() { ordering "$PWD/share" done ftc-1 --destroyed "$dir/gone.tsv" --told Someone; }
done_sound() {
	"$wm" audit --ledger share/weightmark/private.git --json >audited 2>/dev/null &&
		entries share/weightmark/private.git >now
}
done_whole() { done_sound && [ -z "$(comm -23 "$dir/before-orders" now)" ] && [ "$(wc -l <now)" = 3 ]; }
done_none() { done_sound && cmp -s now "$dir/before-orders"; }
done_rerun() { done_run; }

# --- an index that is catching up: then as one made anew --------------------------------------------

cp -r "$dir/ledger.git" "$dir/grown.git" || exit 3
"$wm" append "$dir/pack.wmk" --ledger "$dir/grown.git" >/dev/null || exit 3
asking() { "${under[@]}" "$wm" find --text passers -n 10000 --ledger grown.git --json 2>/dev/null; }
index_start() {
	rm -rf ./* ./.weightmark* "$dir/cache" && cp -r "$dir/ledger.git" grown.git && asking >/dev/null &&
		cp -r "$dir/grown.git/." grown.git
}
(cd "$dir/work" && rm -rf ./* && cp -r "$dir/grown.git" . && asking >"$dir/answer"; rm -rf ./* "$dir/cache") || exit 3
index_run() { asking >answer; }
index_whole() { cmp -s answer "$dir/answer"; }
# Whatever is left behind: who asks next gets what an index made anew answers.
index_none() { [ ! -s answer ] || jq -e .error answer >/dev/null || index_whole; }
index_rerun() { index_run; }
