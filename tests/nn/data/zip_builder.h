#ifndef HALFTONE_TESTS_NN_DATA_ZIP_BUILDER_H_
#define HALFTONE_TESTS_NN_DATA_ZIP_BUILDER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace halftone {

// One entry of an archive, whose fields can be made to lie. What is not set is the truth.
struct ZipMember {
  std::string name;
  std::string content;           // as it stands in the archive
  int method = 0;                // 0 stored, 8 deflated
  int flags = 0;                 // bit 0: encrypted
  std::optional<uint64_t> size;  // of the content when decompressed; above 2^32: by zip64
  std::optional<uint32_t> crc32;
};

// The bytes of an archive of these members, written out field by field (APPNOTE 6.3.9), so that
// tests can make archives that no library would write.
inline std::string BuildZip(const std::vector<ZipMember>& members,
                            std::optional<uint64_t> claimed_entries = {});

// A .npy file, version 1, with this dictionary as its header.
inline std::string BuildNpy(absl::string_view dictionary, absl::string_view elements);

namespace zip_builder_internal {

inline void Append(std::string& dst, uint64_t value, int bytes) {
  for (; bytes > 0; --bytes, value >>= 8) dst.push_back(static_cast<char>(value));
}

inline uint32_t Crc32(absl::string_view bytes) {
  uint32_t crc = ~uint32_t{0};
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int i = 0; i < 8; ++i) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
  }
  return ~crc;
}

// The fields that the local and the central header share, from "version needed" on; then the
// zip64 field with both sizes, where one is needed.
struct CommonFields {
  std::string before_name, extra;
  explicit CommonFields(const ZipMember& member) {
    const uint64_t size = member.size.value_or(member.content.size());
    const bool zip64 = size >= UINT32_MAX;
    Append(before_name, zip64 ? 45 : 20, 2);
    Append(before_name, static_cast<uint64_t>(member.flags), 2);
    Append(before_name, static_cast<uint64_t>(member.method), 2);
    Append(before_name, 0x00210000, 4);  // midnight, 1 January 1980
    Append(before_name, member.crc32.value_or(Crc32(member.content)), 4);
    Append(before_name, zip64 ? UINT32_MAX : member.content.size(), 4);
    Append(before_name, zip64 ? UINT32_MAX : size, 4);
    Append(before_name, member.name.size(), 2);
    if (zip64) {
      Append(extra, 1, 2);
      Append(extra, 16, 2);
      Append(extra, size, 8);
      Append(extra, member.content.size(), 8);
    }
    Append(before_name, extra.size(), 2);
  }
};

}  // namespace zip_builder_internal

inline std::string BuildZip(const std::vector<ZipMember>& members,
                            std::optional<uint64_t> claimed_entries) {
  using zip_builder_internal::Append;
  std::string archive, directory;
  for (const ZipMember& member : members) {
    const zip_builder_internal::CommonFields fields(member);
    directory += "PK\x01\x02";
    Append(directory, 45, 2);
    directory += fields.before_name;
    Append(directory, 0, 2 + 2 + 2 + 4);  // comment, disk, attributes
    Append(directory, archive.size(), 4);
    directory += member.name + fields.extra;
    archive += "PK\x03\x04" + fields.before_name + member.name + fields.extra + member.content;
  }
  const size_t directory_at = archive.size();
  const uint64_t entries = claimed_entries.value_or(members.size());
  archive += directory + "PK\x05\x06";
  Append(archive, 0, 4);
  Append(archive, entries, 2);
  Append(archive, entries, 2);
  Append(archive, directory.size(), 4);
  Append(archive, directory_at, 4);
  Append(archive, 0, 2);
  return archive;
}

inline std::string BuildNpy(absl::string_view dictionary, absl::string_view elements) {
  std::string file("\x93NUMPY\x01\x00", 8);
  zip_builder_internal::Append(file, dictionary.size(), 2);
  file.append(dictionary.data(), dictionary.size());
  file.append(elements.data(), elements.size());
  return file;
}

}  // namespace halftone

#endif  // HALFTONE_TESTS_NN_DATA_ZIP_BUILDER_H_
