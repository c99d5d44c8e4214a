#include "nn/onnx/functions.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/unknown_field_set.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/onnx/names.h"
#include "nn/onnx/opset.h"
#include "nn/onnx/wire_scan.h"

namespace halftone {
namespace {

constexpr int kNodeOverload = 8;
constexpr int kFunctionOverload = 13;

std::string Domain(const std::string& domain) { return domain == "ai.onnx" ? "" : domain; }

// The contents of a field of strings or messages, whether the protobuf classes know it or not.
std::vector<std::string> FieldBytes(const google::protobuf::Message& message, int number) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  std::vector<std::string> found;
  if (const auto* field = message.GetDescriptor()->FindFieldByNumber(number); field != nullptr) {
    if (field->is_repeated()) {
      for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
        found.push_back(reflection.GetRepeatedMessage(message, field, i).SerializeAsString());
      }
    } else if (reflection.HasField(message, field)) {
      found.push_back(reflection.GetString(message, field));
    }
    return found;
  }
  const google::protobuf::UnknownFieldSet& unknown = reflection.GetUnknownFields(message);
  for (int i = 0; i < unknown.field_count(); ++i) {
    const google::protobuf::UnknownField& field = unknown.field(i);
    if (field.number() != number) continue;
    if (field.type() != google::protobuf::UnknownField::TYPE_LENGTH_DELIMITED) continue;
    found.push_back(field.length_delimited());
  }
  return found;
}

// ONNX's operators in the nodes, and in their subgraphs, that are not the same in both opsets: the
// first one, "" for none.
std::string FindOther(const google::protobuf::RepeatedPtrField<onnx::NodeProto>& nodes, int64_t one,
                      int64_t other) {
  for (const onnx::NodeProto& node : nodes) {
    const bool is_onnx = Domain(node.domain()).empty();
    if (is_onnx && !IsSameInOpsets(node.op_type(), one, other)) return node.op_type();
    for (const onnx::AttributeProto& attribute : node.attribute()) {
      if (!attribute.has_g()) continue;
      std::string found = FindOther(attribute.g().node(), one, other);
      if (!found.empty()) return found;
    }
  }
  return "";
}

std::string LastString(const google::protobuf::Message& message, int number) {
  const std::vector<std::string> found = FieldBytes(message, number);
  return found.empty() ? "" : found.back();
}

}  // namespace

absl::Status Function::CheckOpset(int64_t opset) const {
  const int64_t own = OnnxOpset(proto->opset_import()).value_or(opset);
  if (own == opset) return absl::OkStatus();
  const std::string other = FindOther(proto->node(), own, opset);
  if (other.empty()) return absl::OkStatus();
  return absl::UnimplementedError(absl::StrCat("function '", name, "' is of opset ", own,
                                               ", whose operator ", Excerpt(other),
                                               " is not that of the model's opset ", opset));
}

std::string OverloadOf(const onnx::NodeProto& node) { return LastString(node, kNodeOverload); }

absl::StatusOr<FunctionTable> FunctionTable::Create(const onnx::ModelProto& model) {
  FunctionTable table;
  for (const onnx::FunctionProto& proto : model.functions()) HT_RETURN_IF_ERROR(table.Add(proto));
  return table;
}

absl::Status FunctionTable::Add(const onnx::FunctionProto& proto) {
  const std::string overload = LastString(proto, kFunctionOverload);
  Function function{&proto, Excerpt(proto.name()), {}};
  if (!proto.domain().empty()) {
    function.name = absl::StrCat(Excerpt(proto.domain()), ".", function.name);
  }
  if (!overload.empty()) absl::StrAppend(&function.name, ":", Excerpt(overload));
  for (const std::string& bytes : FieldBytes(proto, kFunctionDefaults)) {
    if (!function.defaults.emplace_back().ParseFromString(bytes)) {
      return absl::InvalidArgumentError(
          absl::StrCat("function '", function.name, "': a default is no valid protobuf"));
    }
  }
  const std::string name = function.name;
  const Key key(Domain(proto.domain()), proto.name(), overload);
  if (functions_.emplace(key, std::move(function)).second) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("function '", name, "' occurs twice"));
}

const Function* FunctionTable::Find(const onnx::NodeProto& node) const {
  if (functions_.empty()) return nullptr;
  const auto found = functions_.find(Key(Domain(node.domain()), node.op_type(), OverloadOf(node)));
  return found == functions_.end() ? nullptr : &found->second;
}

}  // namespace halftone
