// SPDX-License-Identifier: Apache-2.0
// Tables by LevelDB itself: what it reads in files, and files that it writes.
//   table read <LIST            of each path a line: "ok" or "refused", then KEY=VALUE in hex
//   table write PATH BLOCK RESTART <PAIRS    lines of KEY VALUE in hex ("-" is empty), ascending
#include <fstream>
#include <iostream>
#include <memory>
#include <string>

#include <leveldb/env.h>
#include <leveldb/options.h>
#include <leveldb/table.h>
#include <leveldb/table_builder.h>

static std::string Hex(const leveldb::Slice &s)
{
	static const char digits[] = "0123456789abcdef";
	std::string out;

	for (size_t i = 0; i < s.size(); i++) {
		out += digits[static_cast<unsigned char>(s[i]) >> 4];
		out += digits[static_cast<unsigned char>(s[i]) & 15];
	}
	return out;
}

static std::string Bytes(const std::string &hex)
{
	std::string out;

	if (hex != "-")
		for (size_t i = 0; i + 1 < hex.size(); i += 2)
			out += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
	return out;
}

static bool Read(const std::string &path, std::string *out)
{
	leveldb::Options options;
	leveldb::ReadOptions reading;
	leveldb::RandomAccessFile *file = nullptr;
	leveldb::Table *table = nullptr;
	uint64_t size = 0;

	options.paranoid_checks = reading.verify_checksums = true;
	if (!leveldb::Env::Default()->GetFileSize(path, &size).ok() ||
	    !leveldb::Env::Default()->NewRandomAccessFile(path, &file).ok())
		return false;
	std::unique_ptr<leveldb::RandomAccessFile> owned(file);
	if (!leveldb::Table::Open(options, file, size, &table).ok())
		return false;
	std::unique_ptr<leveldb::Table> open(table);
	std::unique_ptr<leveldb::Iterator> it(table->NewIterator(reading));
	for (it->SeekToFirst(); it->Valid(); it->Next())
		*out += " " + Hex(it->key()) + "=" + Hex(it->value());
	return it->status().ok();
}

static bool Write(const char *path, int block, int restart)
{
	leveldb::Options options;
	leveldb::WritableFile *file = nullptr;
	std::string key, value;

	options.compression = leveldb::kNoCompression;
	options.block_size = static_cast<size_t>(block);
	options.block_restart_interval = restart;
	if (!leveldb::Env::Default()->NewWritableFile(path, &file).ok())
		return false;
	std::unique_ptr<leveldb::WritableFile> owned(file);
	leveldb::TableBuilder builder(options, file);
	while (std::cin >> key >> value)
		builder.Add(Bytes(key), Bytes(value));
	return builder.Finish().ok() && file->Close().ok();
}

int main(int argc, char **argv)
{
	std::string path;

	if (argc == 5 && std::string(argv[1]) == "write")
		return Write(argv[2], std::stoi(argv[3]), std::stoi(argv[4])) ? 0 : 1;
	while (std::getline(std::cin, path)) {
		std::string pairs;
		bool ok = Read(path, &pairs);

		std::cout << (ok ? "ok" + pairs : "refused") << "\n";
	}
	return 0;
}
