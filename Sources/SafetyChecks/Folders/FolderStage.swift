package import Diagnostics
package import KubernetesModel

/// An object that somebody wrote, and where.
package struct PlacedObject: Sendable {
  package var id: ObjectID
  package var value: Value
  package var range: SourceRange
  /// Lints that are silenced for it: slugs.
  package var allowed: Set<String>

  package init(id: ObjectID, value: Value, range: SourceRange, allowed: Set<String> = []) {
    self.id = id
    self.value = value
    self.range = range
    self.allowed = allowed
  }
}

/// Everything that should stand at one moment, as a folder of YAML says it.
package struct FolderStage: Sendable {
  /// How a person names it: the folder's path.
  package var name: String
  package var objects: [ObjectID: PlacedObject]

  package init(name: String, objects: [ObjectID: PlacedObject]) {
    self.name = name
    self.objects = objects
  }
}
