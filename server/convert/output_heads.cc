#include "server/convert/output_heads.h"

#include "absl/strings/str_cat.h"
#include "base/field_path.h"
#include "base/status_macros.h"
#include "server/convert/spec.h"

namespace halftone {
namespace {

constexpr size_t kMaxHeads = 256;
constexpr size_t kMaxNameBytes = 4096;

absl::StatusOr<AskedHead> HeadFromProto(const v1::OutputHead& head) {
  AskedHead out;
  HT_RETURN_IF_ERROR(CheckLength("kind", head.kind(), 64));
  HT_ASSIGN_OR_RETURN(out.kind, ParseHeadKind(head.kind()));
  if (head.has_weight()) out.weight = head.weight();
  if (head.has_axis()) out.axis = head.axis();
  HT_RETURN_IF_ERROR(CheckAskedHead(out));
  return out;
}

}  // namespace

absl::StatusOr<AskedHeads> HeadsFromProto(
    const google::protobuf::Map<std::string, v1::OutputHead>& heads) {
  if (heads.size() > kMaxHeads) {
    return absl::InvalidArgumentError(
        absl::StrCat(heads.size(), " are too many, the limit is ", kMaxHeads));
  }
  AskedHeads out;
  for (const auto& [name, head] : heads) {
    HT_RETURN_IF_ERROR(CheckLength("name", name, kMaxNameBytes));
    absl::StatusOr<AskedHead> asked = HeadFromProto(head);
    if (!asked.ok()) return AtField(FieldEntry("", name), asked.status());
    out[name] = *asked;
  }
  return out;
}

}  // namespace halftone
