# compile.rb DOCUMENT FACTS MODULES HOSTNAME: one node's catalog, by the classes that a real Puppet server uses:
# Puppet::Node::Exec reads the document, Puppet::Parser::Compiler makes the catalog. Prints what is wrong and ends with 1.
require 'set'
require 'fileutils'
require 'tmpdir'
require 'yaml'

document, facts_file, modules, name = ARGV.map(&:dup)

# A server that is its own agent has every module's lib/ on the load path, by pluginsync.
Dir.glob("#{modules}/*/lib").sort.each { |folder| $LOAD_PATH.push(folder) }
require 'puppet'
require 'puppet/node'
require 'puppet/node/facts'

work = Dir.mktmpdir('catalog')
at_exit { FileUtils.rm_rf(work) }
manifests = "#{work}/code/environments/production/manifests"
FileUtils.mkdir_p(["#{work}/conf", "#{work}/var", manifests])
File.write("#{manifests}/site.pp", "# classes come from the document\n")
File.write("#{work}/hiera.yaml", "---\nversion: 5\nhierarchy: []\n")
File.write("#{work}/enc", "#!/bin/sh\nexec cat '#{File.expand_path(document)}'\n")
File.chmod(0o755, "#{work}/enc")

Puppet.initialize_settings([
  '--confdir', "#{work}/conf", '--vardir', "#{work}/var", '--codedir', "#{work}/code",
  '--environmentpath', "#{work}/code/environments", '--basemodulepath', modules, '--hiera_config', "#{work}/hiera.yaml",
  '--node_terminus', 'exec', '--external_nodes', "#{work}/enc", '--log_level', 'err', '--no-strict_variables'
])
Puppet[:strict] = :warning
Puppet::Util::Log.level = :err

begin
  environment = Puppet::Node::Environment.create(:production, [modules], manifests)
  Puppet.override(current_environment: environment, environments: Puppet::Environments::Static.new(environment)) do
    Puppet::Node::Facts.indirection.terminus_class = :memory
    Puppet::Node.indirection.terminus_class = :exec
    facts = Puppet::Node::Facts.new(name, YAML.load_file(facts_file))
    Puppet::Node::Facts.indirection.save(facts)
    node = Puppet::Node.indirection.find(name, environment: environment, facts: facts) or raise 'there is no node'
    raise 'the document has no classes' if node.classes.nil? || node.classes.empty?
    node.environment = environment
    node.merge(facts.values) unless node.parameters.key?('os')
    host, domain = name.split('.', 2)
    node.trusted_data = { 'authenticated' => 'local', 'certname' => name, 'hostname' => host, 'domain' => domain,
                          'extensions' => {}, 'external' => {} }
    node.add_server_facts('serverversion' => Puppet.version, 'servername' => 'puppet', 'serverip' => '192.0.2.1',
                          'environment' => 'production')
    catalog = Puppet::Parser::Compiler.compile(node)
    titles = node.classes.keys.to_h { |one| [one, one.split('::').map(&:capitalize).join('::')] }
    lacking = titles.reject { |_, title| catalog.resource('Class', title) }.keys
    raise "not in the catalog: #{lacking.join(' ')}" unless lacking.empty?
    puts "#{catalog.resources.size} resources"
  end
rescue StandardError, ScriptError => error
  puts "#{error.class}: #{error.message.gsub(/\s*\n\s*/, ' | ')[0, 1500]}"
  exit 1
end
